import type { Mail, Rules } from "@postroad/core";
import { ConfigError, checkOptions, isFunction, isInteger } from "@postroad/core";
import { Readable } from "node:stream";
import type { DKIMResult } from "mailauth";
import type { dkimVerify } from "mailauth/lib/dkim/verify.js";
import type { ResolveTxt } from "./check-dns.ts";

export interface VerifyOptions {
  /** In place of the system's resolver. */
  readonly resolveTxt?: ResolveTxt;
  /** RSA keys of fewer bits do not count (RFC 8301 §3.2). @default 1024 */
  readonly leastBits?: number;
  /** Milliseconds since 1970. @default Date.now */
  readonly clock?: () => number;
}

/** What was found out about one signature (RFC 8601 §2.7.1). */
export interface SignatureResult {
  readonly result: "pass" | "fail" | "neutral" | "policy" | "temperror" | "permerror";
  /** `d=` */
  readonly domain: string;
  /** `s=` */
  readonly selector: string;
  /** `a=` */
  readonly algorithm: string;
  /** The domain is that of the From address, or the two belong to the same organization. */
  readonly aligned: boolean;
  /** For people: why it did not pass. */
  readonly reason?: string;
}

export interface Verification {
  /** Some signature of an aligned domain holds: the From address is no lie. */
  readonly passed: boolean;
  /** In the order of the header. */
  readonly signatures: readonly SignatureResult[];
}

const rules: Rules<VerifyOptions> = { resolveTxt: isFunction, leastBits: isInteger(512, 16_384), clock: isFunction };

/** Verifies the DKIM signatures of a mail through mailauth, which has to be installed. Reads the content once. */
export async function verify(mail: Pick<Mail, "content">, options: VerifyOptions = {}): Promise<Verification> {
  checkOptions("verify", options, rules);
  const { resolveTxt, leastBits = 1024, clock = Date.now } = options;
  const verifier = await loadVerifier();
  const { results } = await verifier(Readable.from(mail.content.open(), { objectMode: false }), {
    strict: true,
    minBitLength: leastBits,
    curTime: new Date(clock()),
    ...(resolveTxt !== undefined && { resolver: async (name: string) => mutable(await resolveTxt(name)) }),
  });
  const signatures = results.flatMap(resultOf);
  return { passed: signatures.some(({ result, aligned }) => result === "pass" && aligned), signatures };
}

async function loadVerifier(): Promise<typeof dkimVerify> {
  try {
    return (await import("mailauth/lib/dkim/verify.js")).dkimVerify;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND")) throw error;
    const message = "needs mailauth, which is not installed: npm install mailauth";
    throw new ConfigError("verify", [{ path: "", message }]);
  }
}

function resultOf({ signingDomain = "", selector = "", algo = "", status }: DKIMResult): readonly SignatureResult[] {
  const result = RESULTS.find((known) => known === status.result);
  if (result === undefined) return [];
  const aligned = typeof status.aligned === "string";
  const reason = result === "pass" || status.comment === undefined ? {} : { reason: status.comment };
  return [{ result, domain: signingDomain, selector, algorithm: algo, aligned, ...reason }];
}

const RESULTS = ["pass", "fail", "neutral", "policy", "temperror", "permerror"] as const;

function mutable(records: readonly (readonly string[])[]): string[][] {
  return records.map((strings) => [...strings]);
}
