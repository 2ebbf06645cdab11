import type { ConnectionOptions } from "node:tls";
import { createSecureContext } from "node:tls";
import { ConfigError, nearest } from "@postroad/core";

/** What of node:tls makes sense here. The rest is ours to decide, or is not known at all. */
const KNOWN: readonly string[] = [
  "ca", "cert", "key", "pfx", "passphrase", "servername", "minVersion", "maxVersion", "ciphers", "ecdhCurve", "sigalgs",
  "dhparam", "crl", "honorCipherOrder", "ALPNProtocols", "secureContext", "session", "sessionTimeout", "secureOptions",
  "minDHSize", "checkServerIdentity", "rejectUnauthorized", "requestOCSP", "pskCallback", "allowPartialTrustChain",
  "privateKeyIdentifier", "privateKeyEngine", "sessionIdContext", "enableTrace", "clientCertEngine", "ticketKeys",
];
const BROKEN: ReadonlySet<unknown> = new Set(["TLSv1", "TLSv1.1"]);

/** Throws a ConfigError for TLS options that are unknown, unsafe or cannot be read. Shows no value: keys are among them. */
export function checkTls(tls: ConnectionOptions): void {
  for (const name of Object.keys(tls)) if (!KNOWN.includes(name)) throw wrong(name, unknown(name));
  for (const version of ["minVersion", "maxVersion"] as const) {
    if (BROKEN.has(tls[version])) throw wrong(version, "must be TLSv1.2 or TLSv1.3 (RFC 8996)");
  }
  if (tls.checkServerIdentity !== undefined) {
    throw wrong("checkServerIdentity", "would decide who the server is; set tls.servername, or insecureAcceptAnyCertificate");
  }
  try {
    if (tls.secureContext === undefined) createSecureContext(tls);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    throw wrong("", `key, cert, ca or another setting cannot be read (${code})`);
  }
}

function unknown(name: string): string {
  const near = nearest(name, KNOWN);
  return `is not an option of TLS that can be set here${near === undefined ? "" : `; did you mean ${near}?`}`;
}

function wrong(name: string, message: string): ConfigError {
  return new ConfigError("smtp", [{ path: name === "" ? "tls" : `tls.${name}`, message }]);
}
