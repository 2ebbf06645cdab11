import type { SmtpOptions } from "@postroad/smtp";
import { createHash } from "node:crypto";
import { daneVerifier } from "./policy/dane-certificate.ts";
import type { DaneFinding } from "./policy/dane.ts";
import { presentation } from "./policy/tlsa.ts";

/** How a session with a host is protected. */
export interface Security {
  /** Equal for those that may share connections. */
  readonly key: string;
  readonly options: Pick<SmtpOptions, "security" | "verify">;
  /** What the server is asked for by name (SNI), where it is not the host's own. */
  readonly servername?: string;
  /** Where TLS fails, clear text is better than nothing (RFC 7435 §3). */
  readonly mayFallBack?: boolean;
}

/** What is left when TLS has failed and nobody demands it. */
export const CLEARTEXT: Security = { key: "cleartext", options: { security: "none" } };

/** TLS where it is offered, whoever answers. */
export const OPPORTUNISTIC: Security = { key: "opportunistic", options: { security: "opportunistic" }, mayFallBack: true };

/** TLS or nothing, and still whoever answers (RFC 7672 §2.2, all TLSA records unusable). */
export const ENCRYPTED: Security = { key: "encrypted", options: { security: "starttls", verify: () => false } };

/** TLS with a certificate for the host's name, of an authority that the system trusts. */
export const VERIFIED: Security = { key: "verified", options: { security: "starttls" } };

/** TLS with a certificate that TLSA records vouch for. `names` are those that it may be for under an authority. */
export function byDane({ base, usable }: DaneFinding, names: readonly string[], clock: () => number): Security {
  // Names count only where an authority issues for many.
  const relevant = usable.some(({ usage }) => usage === 2) ? names : [];
  const what = JSON.stringify([base, relevant, usable.map(presentation).toSorted()]);
  return {
    key: `dane ${createHash("sha256").update(what).digest("base64")}`,
    options: { security: "starttls", verify: daneVerifier(usable, names, clock) },
    servername: base,
  };
}
