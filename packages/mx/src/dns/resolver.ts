import type { SendOptions, Status } from "@postroad/core";
import { Refusal } from "@postroad/core";
import { aborted } from "../wait.ts";

/** The records that delivery asks for. */
export type RecordType = "A" | "AAAA" | "CNAME" | "MX" | "TXT" | "TLSA";

/** What DNS says of a name. That it says nothing is not an answer: a resolver throws then. */
export interface Answer {
  /** `nodata`: the name exists without records of this type. `nxdomain`: nothing of this name exists (RFC 2308 §2). */
  readonly state: "found" | "nodata" | "nxdomain";
  /**
   * In the presentation form of RFC 1035 §5.1 without final dots, e.g. `10 mx1.example.net`, `192.0.2.1`, `3 1 1 9f86d0…`;
   * of a TXT record the strings joined, without quotes. Empty unless `found`.
   */
  readonly records: readonly string[];
  /** The name that the aliases of the one asked for lead to; the same where there is none, and for CNAME itself. */
  readonly name: string;
  /** Proven by DNSSEC, aliases included, by a resolver on a trusted path. Claim it only where that is so. */
  readonly secure: boolean;
  /** Seconds that it may be kept. */
  readonly ttl: number;
}

/** Asks DNS. What is asked is in lower case, with A-labels and without a final dot. */
export interface Resolver {
  /**
   * Rejects where there is no answer: time is up, SERVFAIL, REFUSED. A validating resolver answers SERVFAIL for what
   * DNSSEC shows to be forged (RFC 4035 §5.5), so a failure must never be taken for "no such record".
   */
  resolve(name: string, type: RecordType, options: SendOptions): Promise<Answer>;
}

/** DNS gave no answer: our trouble, so it is temporary, whoever caused it (RFC 3463 §3.5, x.4.3). */
export function noAnswer(name: string, type: RecordType, why: string, code: string, cause?: unknown): Refusal {
  return new Refusal("4.4.3", `DNS gave no answer for ${type} of ${name}: ${why}`, {
    phase: "dns",
    code,
    advice: ADVICE.get(code) ?? "Check the resolver of this machine.",
    ...(cause !== undefined && { cause }),
  });
}

const ADVICE: ReadonlyMap<string, string> = new Map([
  ["SERVFAIL", "The name servers of the domain fail, or its DNSSEC signatures do. Its operator has to mend it; until then mail waits."],
  ["TIMEOUT", "Check that this machine reaches its resolver by UDP and TCP, and that the resolver reaches the name servers."],
]);

/** DNS did answer, and the answer is that mail cannot go there. */
export function unroutable(status: Status<4 | 5>, message: string, advice?: string): Refusal {
  return new Refusal(status, message, { phase: "dns", ...(advice !== undefined && { advice }) });
}

/** Asks; whatever a resolver throws becomes a Refusal that is temporary. */
export async function ask(resolver: Resolver, name: string, type: RecordType, options: SendOptions): Promise<Answer> {
  try {
    return await resolver.resolve(name, type, options);
  } catch (error) {
    if (options.signal?.aborted === true) throw aborted();
    if (error instanceof Refusal && error.status.startsWith("4.")) throw error;
    throw noAnswer(name, type, error instanceof Error ? error.message : "the resolver threw", "RESOLVER", error);
  }
}
