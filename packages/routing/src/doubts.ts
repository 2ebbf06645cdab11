import type { Content, Mail, Receipt, Recipient, Transport } from "@postroad/core";
import { mailboxKey } from "@postroad/core";

/** Which recipients of a mail may go anywhere, and which only to the transport that may have them already. */
export interface Whereabouts<M extends Mail> {
  readonly free: readonly Recipient[];
  readonly bound: ReadonlyMap<Transport<M>, readonly Recipient[]>;
}

export interface Doubts<M extends Mail> {
  /** Undefined where nobody is in doubt, as nearly always. */
  of(mail: M): Whereabouts<M> | undefined;
  /** Takes in what a transport said. Only an acceptance or a rejection ends a doubt. */
  note(mail: M, from: Transport<M>, report: Receipt): void;
}

/**
 * Remembers who is in doubt where, so that a retry around the composite goes there again and not elsewhere. It is kept
 * with the content, and forgotten when that is.
 */
export function rememberDoubts<M extends Mail>(): Doubts<M> {
  const known = new WeakMap<Content, Map<string, Transport<M>>>();
  const keyOf = (mail: M, address: string): string => `${mail.id} ${mailboxKey(address)}`;
  return {
    of(mail) {
      const places = known.get(mail.content);
      if (places === undefined || places.size === 0) return undefined;
      const free: Recipient[] = [];
      const bound = new Map<Transport<M>, Recipient[]>();
      for (const to of mail.envelope.to) {
        const place = places.get(keyOf(mail, to.address));
        if (place === undefined) free.push(to);
        else bound.set(place, [...(bound.get(place) ?? []), to]);
      }
      return { free, bound };
    },
    note(mail, from, { outcomes }) {
      for (const outcome of outcomes) {
        const isDoubt = outcome.kind === "deferred" && outcome.uncertain === true;
        const key = keyOf(mail, outcome.recipient);
        const places = known.get(mail.content);
        if (isDoubt && places === undefined) known.set(mail.content, new Map([[key, from]]));
        else if (isDoubt) places?.set(key, from);
        else if (outcome.kind !== "deferred") places?.delete(key);
      }
    },
  };
}
