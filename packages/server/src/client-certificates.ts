import { ConfigError } from "@postroad/core";
import type { Authenticator } from "./authenticator.ts";
import type { Login } from "./types.ts";

/**
 * Logins by certificate (EXTERNAL): SHA-256 fingerprints, as `openssl x509 -fingerprint -sha256` prints them, and whose they are. A
 * certificate that is known by its fingerprint may be of any authority, or of none; whether it has expired is looked at.
 */
export function clientCertificates(known: Readonly<Record<string, Login>>, clock: () => number = Date.now): Authenticator {
  const logins = new Map(Object.entries(known).map(([print, login]) => [normal(print), login]));
  return {
    certificate({ user, certificate }) {
      const login = logins.get(normal(certificate.fingerprint256));
      const now = clock();
      const valid = Date.parse(certificate.validFrom) <= now && now <= Date.parse(certificate.validTo);
      return Promise.resolve(valid && login !== undefined && (user === "" || user === login.user) ? login : undefined);
    },
  };
}

function normal(fingerprint: string): string {
  const digits = fingerprint.replace(/^sha256 Fingerprint=/i, "").replaceAll(":", "").toLowerCase();
  if (/^[0-9a-f]{64}$/.test(digits)) return digits;
  throw new ConfigError("clientCertificates", [{ path: fingerprint.slice(0, 100), message: "is no SHA-256 fingerprint" }]);
}
