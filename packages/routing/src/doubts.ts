import type { Mail, Outcome, Receipt, Recipient, Transport } from "@postroad/core";
import { doubts as notedDoubts, mailboxKey } from "@postroad/core";
import { remember } from "./memory.ts";

/** Which recipients of a mail may go anywhere, which only to the transport that may have them already, and which nowhere. */
export interface Whereabouts<M extends Mail> {
  readonly free: readonly Recipient[];
  readonly bound: ReadonlyMap<Transport<M>, readonly Recipient[]>;
  /** Outcomes of those who may be with somebody that is no member. */
  readonly lost: readonly Outcome[];
}

export interface Doubts<M extends Mail> {
  /** Undefined where nobody is in doubt, as nearly always. */
  of(mail: M): Whereabouts<M> | undefined;
  /** Takes in what a member said. Only an acceptance or a rejection ends a doubt. */
  note(mail: M, from: Transport<M>, report: Receipt): void;
}

/**
 * Who is in doubt where, so that a retry or a queue around the composite goes there again and not elsewhere: as this
 * process remembers it, else as the mail's notes say (`doubts` of core), which survive in a queue.
 */
export function doubtsAmong<M extends Mail>(members: readonly Transport<M>[]): Doubts<M> {
  const places = remember<Transport<M>>();
  return {
    of(mail) {
      const noted = notedDoubts(mail.meta);
      if (places.isEmpty && noted.size === 0) return undefined;
      const free: Recipient[] = [];
      const lost: Outcome[] = [];
      const bound = new Map<Transport<M>, Recipient[]>();
      for (const to of mail.envelope.to) {
        const by = noted.get(mailboxKey(to.address));
        const place = places.get(mail, to.address) ?? (by === undefined ? undefined : memberOf(members, by));
        if (place !== undefined) bound.set(place, [...(bound.get(place) ?? []), to]);
        else if (by === undefined) free.push(to);
        else lost.push(nowhere(to, by));
      }
      return bound.size + lost.length === 0 ? undefined : { free, bound, lost };
    },
    note(mail, from, { outcomes }) {
      for (const outcome of outcomes) {
        if (outcome.kind !== "deferred") places.delete(mail, outcome.recipient);
        else if (outcome.uncertain === true) places.set(mail, outcome.recipient, from);
      }
    },
  };
}

/** The same report, where each doubt names somebody by whom `member` is found again. */
export function traceable<M extends Mail>(member: Transport<M>, report: Receipt): Receipt {
  const isLost = (outcome: Outcome): boolean =>
    outcome.kind === "deferred" && outcome.uncertain === true && !names(member.name, outcome.by);
  if (!report.outcomes.some(isLost)) return report;
  return { ...report, outcomes: report.outcomes.map((each) => (isLost(each) ? { ...each, by: member.name } : each)) };
}

/**
 * The member of that name, else the first that the name is a part of: `smtp:a` of `retry(smtp:a)`. Where it is a layer
 * around one transport alone, that one: `timeout(failover(smtp:a))` can only have sent to `smtp:a`. Of several who may have
 * the mail, the first that is a member.
 */
function memberOf<M extends Mail>(members: readonly Transport<M>[], by: string): Transport<M> | undefined {
  const found = members.find(({ name }) => name === by) ?? members.find(({ name }) => names(name, by));
  const several = apart(by);
  if (found !== undefined || several.length < 2) return found ?? memberWithin(members, by);
  for (const one of several) {
    const member = memberOf(members, one);
    if (member !== undefined) return member;
  }
  return undefined;
}

/** For `outer(a(b c))` that for `a(b c)`; for `a(b c)` none, since it may be either. */
function memberWithin<M extends Mail>(members: readonly Transport<M>[], by: string): Transport<M> | undefined {
  const [inner, ...others] = apart(/^[^\s()]+\((.+)\)$/u.exec(by)?.[1] ?? "");
  return inner === undefined || others.length > 0 ? undefined : memberOf(members, inner);
}

/** `a(b c)` and `d` of `a(b c) d`; nothing where the brackets do not match. */
function apart(text: string): readonly string[] {
  const found: string[] = [];
  let depth = 0;
  let one = "";
  for (const character of `${text} `) {
    if (character === "(") depth += 1;
    else if (character === ")") depth -= 1;
    if (depth < 0) return [];
    if (depth > 0 || character !== " ") one += character;
    else if (one !== "") {
      found.push(one);
      one = "";
    }
  }
  return depth === 0 ? found : [];
}

/** Is `part` the whole of a name, or one of the names in it? Composites print as `outer(inner other)`. */
function names(whole: string, part: string): boolean {
  const words = wordsOf(part);
  return words !== "  " && wordsOf(whole).includes(words);
}

/** Names and brackets, a space around each. */
function wordsOf(name: string): string {
  return ` ${name.replaceAll(/[()]/gu, " $& ").split(" ").filter((word) => word !== "").join(" ")} `;
}

function nowhere({ address }: Recipient, by: string): Outcome {
  return {
    kind: "deferred",
    status: "4.4.0",
    recipient: address,
    by,
    message: `${by} may have the mail already, and is none of these transports`,
    uncertain: true,
    diagnosis: { advice: adviceOn(by) },
  };
}

/** A composite, or a layer around one, did not say which of its transports it was. */
function adviceOn(by: string): string {
  const named = apart(by);
  if (named.some((one) => one.includes(" "))) return "Cancel the mail: sent again it may arrive twice. Put layers that give up, such as timeout, around each transport.";
  return `Bring back a transport named ${named.length > 1 ? named.join(" or ") : by}, or cancel the mail: sent elsewhere it may arrive twice.`;
}
