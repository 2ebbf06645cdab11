import type { Mail, Rule, Rules } from "@postroad/core";
import { ConfigError, Refusal, checkOptions, isInteger } from "@postroad/core";

/** How a queue is to treat one mail. */
export interface QueueMailOptions {
  /** Not to be delivered before: a Date or milliseconds since 1970. */
  readonly sendAt?: Date | number;
  /** Worthless from here on: it is not attempted any more, and its sender is told. */
  readonly expiresAt?: Date | number;
  /** -9 to 9; the higher goes first. */
  readonly priority?: number;
  /** Of the mails with the same name here only the newest goes out. Name the receiver in it: `cart/ann@example.net`. */
  readonly supersedes?: string;
  /** What shares limits and back-off, for all recipients, in place of their domains. */
  readonly lane?: string;
}

/** The same in the shape an entry has. */
export interface Wishes {
  readonly sendAt?: number;
  readonly expiresAt?: number;
  readonly priority?: number;
  readonly supersedes?: string;
  readonly lane?: string;
}

/** The notes (`meta`) in which they travel: strings, times as milliseconds since 1970. */
export const QUEUE_NOTES: { readonly [K in keyof Required<QueueMailOptions>]: string } = {
  sendAt: "postroad.queue.sendAt",
  expiresAt: "postroad.queue.expiresAt",
  priority: "postroad.queue.priority",
  supersedes: "postroad.queue.supersedes",
  lane: "postroad.queue.lane",
};

const LONGEST_NAME = 255;
const LAST_TIME = 8.64e15;

export const isName: Rule = (value) =>
  typeof value === "string" && value !== "" && value.length <= LONGEST_NAME && !/\p{Cc}/u.test(value)
    ? undefined
    : `must be a string of 1 to ${LONGEST_NAME} characters without control characters`;

const isTime: Rule = (value) => isInteger(0, LAST_TIME)(value instanceof Date ? value.getTime() : value);
export const isPriority: Rule = isInteger(-9, 9);

const rules: Rules<QueueMailOptions> = {
  sendAt: isTime,
  expiresAt: isTime,
  priority: isPriority,
  supersedes: isName,
  lane: isName,
};

/** The same mail, with wishes for the queue it goes through. Throws a ConfigError for wrong ones. */
export function withQueueOptions<M extends Mail>(mail: M, options: QueueMailOptions): M {
  checkOptions("withQueueOptions", options, rules);
  const { sendAt, expiresAt } = options;
  if (sendAt !== undefined && expiresAt !== undefined && Number(expiresAt) <= Number(sendAt)) {
    throw new ConfigError("withQueueOptions", [{ path: "expiresAt", message: "must be later than sendAt" }]);
  }
  const notes: Record<string, string> = {};
  for (const [option, note] of Object.entries(QUEUE_NOTES)) {
    const value = new Map<string, Date | number | string | undefined>(Object.entries(options)).get(option);
    if (value !== undefined) notes[note] = value instanceof Date ? String(value.getTime()) : String(value);
  }
  return { ...mail, meta: { ...mail.meta, ...notes } };
}

/**
 * What a mail wishes for: by its notes, and by its envelope where that says so already. The later of two times to send
 * holds, and the earlier of two to expire. Throws a Refusal, 4.3.5, for notes that cannot be read.
 */
export function wishesOf({ meta, envelope }: Mail): Wishes {
  const { holdUntil, deliverBy } = envelope;
  const sendAt = latest(numberIn(meta, "sendAt"), holdUntil);
  const expiresAt = earliest(numberIn(meta, "expiresAt"), deliverBy?.mode === "return" ? deliverBy.at : undefined);
  const priority = numberIn(meta, "priority") ?? envelope.priority;
  const supersedes = noteIn(meta, "supersedes");
  const lane = noteIn(meta, "lane");
  return {
    ...(sendAt !== undefined && { sendAt }),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(priority !== undefined && { priority }),
    ...(supersedes !== undefined && { supersedes }),
    ...(lane !== undefined && { lane }),
  };
}

function noteIn(meta: Mail["meta"], option: keyof QueueMailOptions): string | undefined {
  const value = meta[QUEUE_NOTES[option]];
  if (value !== undefined) refuseWrong(option, isName(value));
  return value;
}

function numberIn(meta: Mail["meta"], option: "sendAt" | "expiresAt" | "priority"): number | undefined {
  const text = meta[QUEUE_NOTES[option]];
  if (text === undefined) return undefined;
  const value = /^-?\d{1,16}$/.test(text) ? Number(text) : text;
  refuseWrong(option, rules[option](value));
  return Number(value);
}

function refuseWrong(option: keyof QueueMailOptions, wrong: string | undefined): void {
  if (wrong !== undefined) throw new Refusal("4.3.5", `the mail's note ${QUEUE_NOTES[option]} ${wrong}`);
}

function latest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}

function earliest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}
