import type { Envelope, Recipient } from "@postroad/core";
import { Refusal } from "@postroad/core";
import { pathOf } from "./path.ts";

/** The addresses of an envelope as they stand on the wire, checked before a connection is thought of. */
export interface Paths {
  readonly from: string;
  /** One for each recipient; a Refusal where it must not be written. */
  readonly to: readonly (string | Refusal)[];
}

/** Throws a Refusal for what concerns all recipients: the sender and the parameters of MAIL. */
export function pathsOf({ from, to, dsn }: Envelope): Paths {
  if (dsn?.ret !== undefined && !/^(?:full|hdrs)$/.test(dsn.ret)) throw wrong("dsn.ret", "full or hdrs");
  return { from: from === "" ? "" : pathOf(from, "5.1.7"), to: to.map(forwardPath) };
}

function forwardPath({ address, notify }: Recipient): string | Refusal {
  try {
    if (typeof notify === "object" && !notify.every((word) => /^(?:success|failure|delay)$/.test(word))) {
      throw wrong("notify", "never, or a list of success, failure and delay");
    }
    // The one address without a domain: every host has a postmaster (RFC 5321 §4.5.1).
    return /^postmaster$/i.test(address) ? address : pathOf(address, "5.1.3");
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

function wrong(field: string, wanted: string): Refusal {
  return new Refusal("5.5.4", `${field} of the envelope must be ${wanted}`, { phase: "envelope" });
}
