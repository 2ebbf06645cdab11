import type { Mail, Middleware, Outcome, Recipient, Rules, Transport } from "@postroad/core";
import { checkOptions, doubts, isFunction, isInteger, mailboxKey, receipt, verdictOf, withDoubts, wrap } from "@postroad/core";
import { combined } from "./combined.ts";
import type { Memory } from "./memory.ts";
import { remember } from "./memory.ts";
import { pooled } from "./pooled.ts";
import { isAddress, misconfigured, sendTo } from "./several.ts";

export interface RewriteOptions {
  /** Where a recipient's mail goes instead: one address, several, or undefined for as it is. */
  readonly to?: (recipient: Recipient, mail: Mail) => string | readonly string[] | undefined;
  /** The reverse-path to use for a recipient, as the envelope names them, or undefined for as it is. Not asked for `<>`. */
  readonly from?: (from: string, recipient: Recipient, mail: Mail) => string | undefined;
  /** Mails under way at once, where recipients have different reverse-paths. @default 8 */
  readonly concurrency?: number;
}

const rules: Rules<RewriteOptions> = { to: isFunction, from: isFunction, concurrency: isInteger(1, 10_000) };

/**
 * Sends to other addresses or in another's name: aliases, VERP, SRS. The receipt speaks of the addresses that the caller
 * named. An address that several of them lead to gets one copy. Where one of several is deferred, an attempt of the
 * same mail goes to those that are, and not again to the rest. What cannot be rewritten is deferred with 4.3.5.
 */
export function rewrite(options: RewriteOptions): Middleware {
  checkOptions("rewrite", options, rules);
  const { concurrency = 8 } = options;
  return <M extends Mail>(next: Transport<M>): Transport<M> => {
    const memory = remember<readonly Outcome[]>();
    return wrap("rewrite", next, async (mail: M, sending) => {
      const told = new Map<string, Outcome>();
      const note = (outcome: Outcome): unknown => told.set(mailboxKey(outcome.recipient), outcome);
      for (const { address } of mail.envelope.to) memory.get(mail, address)?.forEach(note);
      const plan = planOf(mail, options, told);
      const reports = await pooled(mailsOf(mail, plan), concurrency, (part) => sendTo(next, part, sending));
      for (const { outcomes } of reports) outcomes.forEach(note);
      return receipt(mail, ({ address }, index) => {
        const where = plan.callers[index] ?? [];
        if (where instanceof Error) return verdictOf(misconfigured(`cannot rewrite: ${where.message}`, where), "rewrite");
        const outcomes = where.flatMap((key) => told.get(key) ?? []);
        const verdict = combined(outcomes);
        keepSettled(memory, mail, address, verdict, outcomes);
        return verdict;
      });
    });
  };
}

/** Who of several is settled matters for as long as the caller may come again for the others. */
function keepSettled(
  memory: Memory<readonly Outcome[]>,
  mail: Mail,
  caller: string,
  { kind }: Outcome,
  outcomes: readonly Outcome[],
): void {
  const settled = kind === "deferred" ? outcomes.filter((outcome) => outcome.kind !== "deferred") : [];
  if (settled.length > 0) memory.set(mail, caller, settled);
  else memory.delete(mail, caller);
}

interface Plan {
  /** Recipients to send to, by reverse-path; none twice in all of them. */
  readonly paths: ReadonlyMap<string, readonly Recipient[]>;
  /** For each recipient of the caller, where it leads, or why nowhere. */
  readonly callers: readonly (readonly string[] | Error)[];
  /** Who may have the mail of a recipient to send to, as the notes have it of the caller's. */
  readonly doubts: ReadonlyMap<string, string>;
}

/** Leaves out who is `settled` by address. */
function planOf(mail: Mail, options: RewriteOptions, settled: ReadonlyMap<string, Outcome>): Plan {
  const paths = new Map<string, Recipient[]>();
  const planned = new Set(settled.keys());
  const noted = doubts(mail.meta);
  const renamedDoubts = new Map<string, string>();
  const callers = mail.envelope.to.map((recipient) => {
    try {
      const from = reversePath(mail, recipient, options);
      const addresses = forwardPaths(mail, recipient, options);
      const path = paths.get(from) ?? [];
      const by = noted.get(mailboxKey(recipient.address));
      for (const address of addresses) {
        if (by !== undefined) renamedDoubts.set(mailboxKey(address), by);
        if (planned.has(mailboxKey(address))) continue;
        planned.add(mailboxKey(address));
        path.push(renamed(recipient, address));
      }
      if (path.length > 0) paths.set(from, path);
      return addresses.map(mailboxKey);
    } catch (error) {
      return error instanceof Error ? error : new Error("a rewriting function threw");
    }
  });
  return { paths, callers, doubts: renamedDoubts };
}

function reversePath(mail: Mail, recipient: Recipient, { from }: RewriteOptions): string {
  const given = mail.envelope.from;
  const path = given === "" ? given : (from?.(given, recipient, mail) ?? given);
  if (path !== given && path !== "" && !isAddress(path)) throw new TypeError("the new reverse-path is no address");
  return path;
}

function forwardPaths(mail: Mail, recipient: Recipient, { to }: RewriteOptions): readonly string[] {
  const addresses = [to?.(recipient, mail) ?? recipient.address].flat();
  const wrong = addresses.find((address) => address !== recipient.address && !isAddress(address));
  if (wrong !== undefined || addresses.length === 0) throw new TypeError("the recipient leads to no address");
  return addresses;
}

/** The recipient under another address; reports go on naming the one that was first named (RFC 3461 §5.2.7.3). */
function renamed(recipient: Recipient, address: string): Recipient {
  if (address === recipient.address) return recipient;
  const type = isAscii(recipient.address) ? "rfc822" : "utf-8";
  return { originalRecipient: `${type};${recipient.address}`, ...recipient, address };
}

function mailsOf<M extends Mail>(mail: M, { paths, doubts: renamedDoubts }: Plan): readonly M[] {
  const { from, to } = mail.envelope;
  const meta = renamedDoubts.size === 0 ? mail.meta : withDoubts(mail.meta, renamedDoubts);
  return [...paths].map(([path, recipients]) => {
    const isSame = path === from && recipients.length === to.length && recipients.every((each, i) => each === to[i]);
    return isSame ? mail : { ...mail, meta, envelope: { ...mail.envelope, ...utf8(path, recipients), from: path, to: recipients } };
  });
}

/** RFC 6531 §3.1: an address with UTF-8 in it needs SMTPUTF8. */
function utf8(from: string, to: readonly Recipient[]): { readonly smtputf8?: true } {
  return isAscii(from) && to.every(({ address }) => isAscii(address)) ? {} : { smtputf8: true };
}

function isAscii(address: string): boolean {
  return !/[^\p{ASCII}]/u.test(address);
}
