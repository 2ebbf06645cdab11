import type { Mail, Receipt, Recipient, Transport } from "@postroad/core";
import { remember } from "./memory.ts";

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

/** Remembers who is in doubt where, so that a retry or a queue around the composite goes there again and not elsewhere. */
export function rememberDoubts<M extends Mail>(): Doubts<M> {
  const places = remember<Transport<M>>();
  return {
    of(mail) {
      if (places.isEmpty) return undefined;
      const free: Recipient[] = [];
      const bound = new Map<Transport<M>, Recipient[]>();
      for (const to of mail.envelope.to) {
        const place = places.get(mail, to.address);
        if (place === undefined) free.push(to);
        else bound.set(place, [...(bound.get(place) ?? []), to]);
      }
      return bound.size === 0 ? undefined : { free, bound };
    },
    note(mail, from, { outcomes }) {
      for (const outcome of outcomes) {
        if (outcome.kind !== "deferred") places.delete(mail, outcome.recipient);
        else if (outcome.uncertain === true) places.set(mail, outcome.recipient, from);
      }
    },
  };
}
