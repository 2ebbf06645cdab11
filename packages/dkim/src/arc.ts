import type { Content, Mail, Rewrite, Rules } from "@postroad/core";
import { Refusal, isFunction, reseal, wrap } from "@postroad/core";
import type { Chain, ChainStatus } from "./arc-chain.ts";
import { AS, MOST_SETS, chainOf, chainStatusIn, resultsOf } from "./arc-chain.ts";
import { arcSet } from "./arc-set.ts";
import { domainFault, normalName } from "./domain-name.ts";
import type { Field } from "./header.ts";
import { NOT_SIGNED } from "./not-signed.ts";
import type { KeyOptions } from "./options.ts";
import { keyRules } from "./options.ts";
import { perContent } from "./per-content.ts";
import { readyKey } from "./signer.ts";
import { withFields } from "./signed-content.ts";
import { survey } from "./survey.ts";

export type { ChainStatus } from "./arc-chain.ts";

/** What the server that took the mail in has found out about it. */
export interface Judgement {
  /** What validating the mail's ARC chain says. */
  readonly chain: ChainStatus;
  /** As in Authentication-Results (RFC 8601 §2.2), without the server: `spf=pass smtp.mailfrom=x; dkim=pass …`. */
  readonly results: string;
}

export interface ArcOptions extends KeyOptions {
  /** Name of the server that took the mail in and judged it (RFC 8601 §2.5). */
  readonly authServId: string;
  /** Judges a mail. @default what the mail's Authentication-Results of `authServId` say, which nobody else may write */
  readonly judge?: (mail: Mail) => Judgement | Promise<Judgement>;
  /** Milliseconds since 1970. @default Date.now */
  readonly clock?: () => number;
}

const rules: Rules<ArcOptions> = {
  ...keyRules,
  authServId: (value) => (typeof value === "string" ? domainFault(value) : "must be the name of a server"),
  judge: isFunction,
  clock: isFunction,
};

/**
 * Seals mail that is forwarded (RFC 8617): says what this server has found out about it, so that the next one can
 * believe it where forwarding breaks SPF and DKIM. Stands behind everything that changes the mail. A chain that can
 * have no further set, since the last one says `cv=fail` or it has 50, goes on as it is.
 */
export function arc(options: ArcOptions): Rewrite<Mail> {
  const key = readyKey("arc", options, rules, ["domain", "selector", "key", "authServId"]);
  const { clock = Date.now } = options;
  const authServId = normalName(options.authServId);

  const sealed = perContent(async (mail, signal): Promise<Content> => {
    const message = await survey(mail.content, ["relaxed"], signal);
    const chain = chainOf(message.fields);
    if (chain.hasFailed || chain.last >= MOST_SETS) return mail.content;
    const { judge } = options;
    const said = judge === undefined ? written(message.fields, authServId) : await judged(mail, judge);
    const status = statusOf(chain, said.chain, message.fields);
    const set = { authServId, results: said.results, status, time: Math.floor(clock() / 1000) };
    return withFields(await arcSet(key, message, chain, set), mail.content, message);
  });

  return (next) =>
    wrap("arc", next, async (mail, sending) => next.send(reseal(mail, await sealed(mail, sending.signal)), sending));
}

/** The first set says none, and any other pass or fail (RFC 8617 §4.4). */
function statusOf(chain: Chain, said: ChainStatus, fields: readonly Field[]): ChainStatus {
  const hasChain = chain.last > 0 || fields.some(({ name }) => name === AS);
  if (!hasChain) return "none";
  return chain.isWhole && said === "pass" ? "pass" : "fail";
}

function written(fields: readonly Field[], authServId: string): Judgement {
  const results = resultsOf(fields, authServId);
  const chain = chainStatusIn(results ?? "");
  if (chain === undefined && fields.some(({ name }) => name === AS)) {
    const message = `nobody has validated the ARC chain: no Authentication-Results of ${authServId} say arc=`;
    throw new Refusal(NOT_SIGNED, message, {
      phase: "seal",
      advice: "Let the server that takes mail in validate ARC, or give arc() a judge.",
    });
  }
  return { chain: chain ?? "none", results: results ?? "none" };
}

async function judged(mail: Mail, judge: NonNullable<ArcOptions["judge"]>): Promise<Judgement> {
  const { chain, results } = await judge(mail);
  if (/^[\t -~]+$/.test(results)) return { chain, results };
  throw new Refusal(NOT_SIGNED, "the judge's results are not one line of ASCII", { phase: "seal" });
}
