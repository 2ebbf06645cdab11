import type { RefusalOptions, Reply, Status } from "@postroad/core";
import { Refusal } from "@postroad/core";
import { adviceOn } from "./advice.ts";
import { printable } from "./transcript.ts";

/** Where in the conversation something happened. */
export type Phase =
  | "queue"
  | "connect"
  | "tls"
  | "greeting"
  | "ehlo"
  | "starttls"
  | "auth"
  | "mail"
  | "rcpt"
  | "data"
  | "body"
  | "final"
  | "noop"
  | "idle";

/** What is known of the conversation when it fails. */
export interface Scene {
  readonly remote: string;
  readonly phase: Phase;
  readonly transcript?: readonly string[];
}

/** A failure of the way, not of the mail: always temporary, since it says nothing about this mail. */
export function lost(status: Status<4>, message: string, scene: Scene, cause?: unknown): Refusal {
  const code = codeOf(cause);
  const advice = adviceOn({ phase: scene.phase, status, ...(code !== undefined && { code }) });
  return new Refusal(status, `${message} (${scene.phase})`, {
    ...scene,
    ...(code !== undefined && { code }),
    ...(advice !== undefined && { advice }),
    ...(cause !== undefined && { cause }),
  });
}

/** A negative reply as a Refusal. `note` is advice that fits better than the table's. */
export function refused(reply: Reply, scene: Scene, note?: string): Refusal {
  const status = statusIn(scene.phase, reply);
  const said = printable(reply.text.replaceAll("\n", " "), 400);
  const advice = note ?? adviceOn({ phase: scene.phase, status, reply: reply.code });
  const options: RefusalOptions = { ...scene, reply, ...(advice !== undefined && { advice }) };
  return new Refusal(status, `${WORDS[scene.phase]} refused: ${reply.code} ${said}`, options);
}

/** Before MAIL the server speaks of us and of itself, not of a mail: that must never bounce anybody's. */
const OURS: ReadonlySet<Phase> = new Set(["greeting", "ehlo", "starttls", "auth", "noop"]);

function statusIn(phase: Phase, reply: Reply): Status<4 | 5> {
  if (OURS.has(phase) || reply.code === 530) return temporary(statusOf(reply));
  return phase === "rcpt" && isTooMany(reply) ? "4.5.3" : statusOf(reply);
}

/**
 * The server takes no more recipients in this transaction. Servers say 452, older ones 552, which is to be read as
 * temporary (RFC 5321 §4.5.3.1.10); both codes have further meanings, which an enhanced code tells apart.
 */
export function isTooMany({ code, text }: Reply): boolean {
  if (code !== 452 && code !== 552) return false;
  const enhanced = /^[245]\.\d{1,3}\.\d{1,3}(?![\d.])/.exec(text);
  return enhanced === null || enhanced[0].endsWith(".5.3");
}

/** The same reason, said of a mail whose final dot was sent. */
export function doubtful(reason: Refusal): Refusal {
  const status = reason.status.startsWith("4.") ? reason.status : "4.4.2";
  const message = `${reason.message}; the server may have taken the message`;
  return new Refusal(status, message, { ...reason.options, phase: "final", uncertain: true, cause: reason.cause });
}

const WORDS: Readonly<Record<Phase, string>> = {
  queue: "the wait was",
  connect: "the connection was",
  tls: "TLS was",
  greeting: "the session was",
  ehlo: "EHLO was",
  starttls: "STARTTLS was",
  auth: "the login was",
  mail: "the sender was",
  rcpt: "the recipient was",
  data: "DATA was",
  body: "the message was",
  final: "the message was",
  noop: "NOOP was",
  idle: "the connection was",
};

/**
 * The enhanced status at the head of a negative reply (RFC 2034 §4) where its class agrees with the code; the code's
 * first digit outranks it, and where there is none the code's usual meaning stands in (RFC 5321 §4.2.3).
 */
export function statusOf({ code, text }: Reply): Status<4 | 5> {
  const found = /^([45])\.(\d{1,3})\.(\d{1,3})(?![\d.])/.exec(text);
  const permanent = code >= 500;
  if (found?.[1] === (permanent ? "5" : "4")) {
    return permanent ? `5.${Number(found[2])}.${Number(found[3])}` : `4.${Number(found[2])}.${Number(found[3])}`;
  }
  return USUAL.get(code) ?? (permanent ? "5.0.0" : "4.0.0");
}

/** The 2.x.x status at the head of a positive reply, else 2.0.0. */
export function successOf(text: string): Status<2> {
  const found = /^2\.(\d{1,3})\.(\d{1,3})(?![\d.])/.exec(text);
  return found === null ? "2.0.0" : `2.${Number(found[1])}.${Number(found[2])}`;
}

function temporary(status: Status<4 | 5>): Status<4> {
  const [, subject = "0", detail = "0"] = status.split(".");
  return `4.${Number(subject)}.${Number(detail)}`;
}

const USUAL: ReadonlyMap<number, Status<4 | 5>> = new Map<number, Status<4 | 5>>([
  [421, "4.3.2"],
  [450, "4.2.0"],
  [451, "4.3.0"],
  [452, "4.3.1"],
  [454, "4.7.0"],
  [455, "4.5.4"],
  [500, "5.5.2"],
  [501, "5.5.4"],
  [502, "5.5.1"],
  [503, "5.5.1"],
  [504, "5.5.4"],
  [521, "5.3.2"],
  [530, "5.7.0"],
  [534, "5.7.9"],
  [535, "5.7.8"],
  [538, "5.7.11"],
  [551, "5.1.6"],
  [552, "5.2.2"],
  [553, "5.1.3"],
  [555, "5.5.4"],
  [556, "5.1.10"],
]);

/** Node's own name for a cause, e.g. `ECONNREFUSED` or `CERT_HAS_EXPIRED`. */
export function codeOf(cause: unknown): string | undefined {
  if (typeof cause !== "object" || cause === null || !("code" in cause)) return undefined;
  return typeof cause.code === "string" ? cause.code : undefined;
}
