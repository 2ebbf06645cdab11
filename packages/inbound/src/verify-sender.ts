import { Readable } from "node:stream";
import type { Mail, Rules } from "@postroad/core";
import { ConfigError, Refusal, checkOptions, isFunction, isString, reseal } from "@postroad/core";
import { MessageError } from "@postroad/message";
import type { Policy, Transaction } from "@postroad/server";
import type { AuthenticateResult, DNSResolver, authenticate } from "mailauth";
import { edited, headOf, resultsOf, sealerOf } from "./header-edit.ts";

/** What was found out about who sent a mail (RFC 8601 §2.7). */
export interface SenderVerdict {
  /** SPF of the reverse-path, or of EHLO for reports (RFC 7208). */
  readonly spf: string;
  /** One for each DKIM signature (RFC 6376). */
  readonly dkim: readonly { readonly domain: string; readonly result: string }[];
  /** DMARC (RFC 9989), and what the author's domain asks for where it fails. */
  readonly dmarc: { readonly result: string; readonly policy: "none" | "quarantine" | "reject" };
  /** ARC, who sealed last, in lower case, and the result of DMARC that they had and vouch for, where they say so (RFC 8617). */
  readonly arc: { readonly result: string; readonly sealer: string | undefined; readonly dmarc: string | undefined };
}

export interface VerifySenderOptions {
  /** The name under which results are written (RFC 8601 §2.5), mostly the server's. What others wrote in this name is removed. */
  readonly authservId: string;
  /**
   * Domains whose ARC seals are believed: mail that has come intact from the last of them is not refused because of DMARC, unless the seal
   * says that DMARC had failed there too, or could not be told. @default nobody
   */
  readonly trustedSealers?: readonly string[];
  /**
   * What to do: throw a Refusal, or give notes for the mail's `meta`. @default `reject` refuses with 5.7.26, `quarantine` notes
   * `quarantine: "dmarc"`
   */
  readonly decide?: (verdict: SenderVerdict, transaction: Transaction) => Mail["meta"] | Promise<Mail["meta"]>;
  /** Records of a name and type, as `resolve` of node:dns/promises gives them. @default the system's resolver */
  readonly resolver?: DNSResolver;
}

const rules: Rules<VerifySenderOptions> = {
  authservId: isString,
  trustedSealers: (value) => (Array.isArray(value) ? undefined : "must be a list of domains"),
  decide: isFunction,
  resolver: isFunction,
};

/**
 * Finds out whether a mail comes from whom it says: SPF, DKIM, DMARC and ARC through mailauth, which has to be installed. Writes Received-SPF and
 * Authentication-Results on top, and does what the author's domain asks for. What DNS does not answer now is a `temperror` and
 * refuses nobody.
 */
export function verifySender(options: VerifySenderOptions): Policy {
  checkOptions("verifySender", options, rules, ["authservId"]);
  const { authservId, decide = (verdict) => byDmarc(verdict, options), resolver } = options;
  return {
    name: "verifySender",
    async message(mail, transaction) {
      const { session, from } = transaction;
      const check = await loadMailauth();
      const head = await headOf(mail.content);
      const cuts = forged(head, authservId);
      const result = await check(Readable.from(mail.content.open(), { objectMode: false }), {
        ip: session.client,
        helo: session.hello ?? "",
        sender: from,
        mta: authservId,
        ...(resolver !== undefined && { resolver }),
        strict: true,
        disableBimi: true,
      });
      const notes = await decide(verdictOf(result, head), transaction);
      const results = Buffer.from(`${result.headers.trimEnd()}\r\n`);
      return { ...reseal(mail, edited(mail.content, results, cuts)), meta: { ...mail.meta, ...notes } };
    },
  };
}

async function loadMailauth(): Promise<typeof authenticate> {
  try {
    return (await import("mailauth")).authenticate;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND")) throw error;
    throw new ConfigError("verifySender", [{ path: "", message: "needs mailauth, which is not installed: npm install mailauth" }]);
  }
}

/** A header that has two readings might hide such a field from us and show it to others. */
function forged(head: Buffer, authservId: string): ReturnType<typeof resultsOf> {
  try {
    return resultsOf(head, authservId);
  } catch (error) {
    if (!(error instanceof MessageError)) throw error;
    throw new Refusal("5.6.0", error.message, { cause: error });
  }
}

function verdictOf({ spf, dkim, dmarc, arc }: AuthenticateResult, head: Buffer): SenderVerdict {
  const policy = dmarc === false ? undefined : POLICIES.find((known) => known === dmarc.policy);
  return {
    spf: spf === false ? "none" : spf.status.result,
    dkim: dkim.results.map(({ signingDomain = "", status }) => ({ domain: signingDomain, result: status.result })),
    dmarc: { result: dmarc === false ? "none" : dmarc.status.result, policy: policy ?? "none" },
    arc: {
      result: arc === false ? "none" : arc.status.result,
      sealer: sealerOf(head),
      dmarc: arc === false ? undefined : dmarcIn(arc.authenticationResults),
    },
  };
}

/** mailauth hands on what it has read, in a form of its own, and as it was written: letter case means nothing (RFC 8601 §2.2). */
function dmarcIn(results: Readonly<Record<string, unknown>> | undefined): string | undefined {
  const found = results?.dmarc;
  return typeof found === "object" && found !== null && "result" in found && typeof found.result === "string" ? found.result.toLowerCase() : undefined;
}

const POLICIES = ["none", "quarantine", "reject"] as const;

/** What a sealer may have found that vouches for nobody. */
const NO_EXCUSE: ReadonlySet<string> = new Set(["fail", "permerror", "temperror"]);

function byDmarc({ dmarc, arc }: SenderVerdict, { trustedSealers = [] }: VerifySenderOptions): Mail["meta"] {
  const trusted = trustedSealers.some((domain) => domain.toLowerCase() === arc.sealer);
  const vouched = arc.result === "pass" && trusted && !(arc.dmarc !== undefined && NO_EXCUSE.has(arc.dmarc));
  if (dmarc.result !== "fail" || dmarc.policy === "none" || vouched) return {};
  if (dmarc.policy === "quarantine") return { quarantine: "dmarc" };
  throw new Refusal("5.7.26", "the author's domain says that it does not send this mail (DMARC)");
}
