import type { Refusal, Status } from "@postroad/core";
import { ascii } from "./text.ts";

/** What the server says to one command (RFC 5321 §4.2). */
export interface Answer {
  readonly code: number;
  /** RFC 3463. Left out where RFC 2034 §4 has none: 220, 354, the answers to EHLO and LHLO, and 334. */
  readonly status?: Status;
  /** Several are lines of one reply. */
  readonly text: string | readonly string[];
  /** The connection ends with it. */
  readonly close?: true;
}

/** RFC 5321 §4.5.3.1.5 allows 512 octets a line; the rest is for code, status and CRLF. */
const MAX_TEXT = 480;

export function answer(code: number, status: Status, text: string | readonly string[]): Answer {
  return { code, status, text };
}

/** The same, and goodbye. */
export function closing(code: number, status: Status, text: string): Answer {
  return { code, status, text, close: true };
}

/** As it goes on the wire: every line carries code and status; what is not printable ASCII is escaped. */
export function wireForm({ code, status, text }: Answer): string {
  const prefix = status === undefined ? "" : `${status} `;
  if (typeof text === "string") return `${code} ${prefix}${ascii(text, MAX_TEXT)}\r\n`;
  const last = text.length - 1;
  return text.map((line, at) => `${code}${at === last ? " " : "-"}${prefix}${ascii(line, MAX_TEXT)}\r\n`).join("");
}

/** Replies to which RFC 5321 §4.2.3 gives a code of their own; the rest of a class is 451 or 554. */
const CODES: ReadonlyMap<string, number> = new Map([
  ["4.2.1", 450], ["4.2.2", 452], ["4.3.1", 452], ["4.3.4", 452], ["4.5.3", 452], ["4.7.1", 450],
  ["5.1.3", 553], ["5.1.7", 553], ["5.2.2", 552], ["5.3.4", 552], ["5.6.0", 550], ["5.6.7", 550],
]);

/** The reply code that goes with a status. */
export function codeFor(status: Status): number {
  const known = CODES.get(status);
  if (known !== undefined) return known;
  if (status.startsWith("2")) return 250;
  if (status.startsWith("4")) return 451;
  return /^5\.[127]\./.test(status) ? 550 : 554;
}

/** A refusal as a reply. What went wrong inside is for the log, not for the client. */
export function refusalAnswer({ status, message }: Pick<Refusal, "status" | "message">): Answer {
  return answer(codeFor(status), status, status === "4.3.0" ? LOCAL_ERROR : message);
}

const LOCAL_ERROR = "local error in processing, try again later";

/** For what was thrown and is no refusal: the server's own fault bounces nobody's mail. */
export const failed: Answer = answer(451, "4.3.0", LOCAL_ERROR);
