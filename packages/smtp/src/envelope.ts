import type { Envelope, Recipient } from "@postroad/core";
import { Refusal } from "@postroad/core";
import { pathOf } from "./path.ts";
import { typedAddress } from "./xtext.ts";

/** The addresses of an envelope as they stand on the wire, checked before a connection is thought of. */
export interface Paths {
  readonly from: string;
  /** One for each recipient; a Refusal where it must not be written. */
  readonly to: readonly (string | Refusal)[];
}

/** Throws a Refusal for what concerns all recipients: the sender and the parameters of MAIL. */
export function pathsOf(envelope: Envelope): Paths {
  checkParameters(envelope);
  const { from, to } = envelope;
  return { from: from === "" ? "" : pathOf(from, "5.1.7"), to: to.map(forwardPath) };
}

/** All of them end up in the MAIL command. */
function checkParameters({ dsn, priority, holdUntil, deliverBy }: Envelope): void {
  if (dsn?.ret !== undefined && !/^(?:full|hdrs)$/.test(dsn.ret)) throw wrong("dsn.ret", "full or hdrs");
  if (dsn?.envid !== undefined && !/^[ -~]{1,100}$/.test(dsn.envid)) throw wrong("dsn.envid", "1 to 100 printable ASCII characters");
  if (priority !== undefined && !(Number.isInteger(priority) && Math.abs(priority) <= 9)) {
    throw wrong("priority", "a whole number from -9 to 9");
  }
  checkTime("holdUntil", holdUntil);
  checkTime("deliverBy.at", deliverBy?.at);
  if (deliverBy !== undefined && !/^(?:return|notify)$/.test(deliverBy.mode)) throw wrong("deliverBy.mode", "return or notify");
}

function checkTime(field: string, time: number | undefined): void {
  if (time !== undefined && !(Math.abs(time) <= LAST_TIME)) throw wrong(field, "a time in milliseconds since 1970");
}

/** Beyond it a Date is invalid (ECMA-262 §21.4.1.1). */
const LAST_TIME = 8_640_000_000_000_000;

/** Longest ORCPT (RFC 3461 §4.2). */
const LONGEST_ORIGINAL = 500;

function forwardPath({ address, notify, originalRecipient }: Recipient): string | Refusal {
  try {
    if (originalRecipient !== undefined && !isTypedAddress(originalRecipient)) {
      throw wrong("originalRecipient", `type;address, such as rfc822;ann@example.net, of up to ${LONGEST_ORIGINAL} characters when encoded`);
    }
    if (notify !== undefined && notify !== "never" && !isEventList(notify)) {
      throw wrong("notify", "never, or a list of success, failure and delay");
    }
    // The one address without a domain: every host has a postmaster (RFC 5321 §4.5.1).
    return /^postmaster$/i.test(address) ? address : pathOf(address, "5.1.3");
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

function isTypedAddress(text: string): boolean {
  return text.length <= LONGEST_ORIGINAL && /^[a-z0-9-]+;[^]/i.test(text) && typedAddress(text).length <= LONGEST_ORIGINAL;
}

function isEventList(notify: unknown): boolean {
  if (!Array.isArray(notify) || new Set(notify).size < notify.length) return false;
  return notify.every((word) => word === "success" || word === "failure" || word === "delay");
}

function wrong(field: string, wanted: string): Refusal {
  return new Refusal("5.5.4", `${field} of the envelope must be ${wanted}`, { phase: "envelope" });
}
