import type { Entry, EntryState, Listed } from "@postroad/queue";
import { crc32 } from "node:zlib";
import type { Draft, ListedRow, Row } from "./messages.ts";
import { badRequest } from "./refusals.ts";

/** An entry as the thread takes it. Throws a Refusal for what a database cannot keep as it is. */
export function draftOf(entry: Entry): Draft {
  const { key, mail, lane, priority, state, createdAt, dueAt, agesFrom, expiresAt, series, ...others } = entry;
  const { attempts, lapses, note, ...rest } = others;
  const written = json(rest);
  return {
    key: text("key", key),
    mail: text("mail", mail),
    lane: text("lane", lane),
    priority: priorityOf(priority),
    state: stateOf(state),
    createdAt: time("createdAt", createdAt),
    dueAt: time("dueAt", dueAt),
    agesFrom: time("agesFrom", agesFrom),
    expiresAt: expiresAt === undefined ? null : time("expiresAt", expiresAt),
    series: series === undefined ? null : text("series", series),
    attempts: whole("attempts", attempts),
    lapses: whole("lapses", lapses),
    note: note === undefined ? null : text("note", note),
    rest: written,
    crc: crcOf(key, mail, written),
    open: rest.envelope.to.length > 0,
    delayed: rest.delayed === true,
  };
}

/** The entry, or undefined where the row is not what was written. */
export function entryOf(row: Row): Entry | undefined {
  if (row.crc !== null && row.crc !== crcOf(row.key, row.mail, row.rest)) return undefined;
  const others = parsed(row.rest);
  return isRest(others) && isPriority(row.priority) ? joined(row, others) : undefined;
}

/** What changes a recipient or an id into another one is found out. */
function crcOf(key: string, mail: string, rest: string): number {
  return crc32(rest, crc32(mail, crc32(key)));
}

function joined(row: Row, others: Rest): Entry {
  const { rest: _, crc: __, expiresAt, series, note, ...columns } = row;
  return {
    ...others,
    ...columns,
    ...(expiresAt !== null && { expiresAt }),
    ...(series !== null && { series }),
    ...(note !== null && { note }),
  };
}

function parsed(rest: string): unknown {
  try {
    return JSON.parse(rest);
  } catch {
    return undefined;
  }
}

type Rest = Pick<Entry, "envelope" | "meta" | "last">;

function isRest(value: unknown): value is Rest {
  return (
    isObject(value) &&
    "envelope" in value &&
    isEnvelope(value.envelope) &&
    "meta" in value &&
    isObject(value.meta) &&
    "last" in value &&
    isListOf(value.last, "recipient") &&
    (!("owed" in value) || isListOf(value.owed, "outcome"))
  );
}

function isListOf(value: unknown, property: string): boolean {
  return Array.isArray(value) && value.every((each) => isObject(each) && property in each);
}

function isEnvelope(value: unknown): boolean {
  return isObject(value) && "from" in value && typeof value.from === "string" && "to" in value && isRecipients(value.to);
}

function isRecipients(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => isObject(each) && "address" in each && typeof each.address === "string");
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** Of a row that is not what was written. */
export const DAMAGED = "damaged: the row is not what was written";

/** What cannot be read is shown as the dead letter that the next claim makes of it, and tells of. */
export function listedOf({ leased, size, ...row }: ListedRow): Listed {
  const entry = entryOf(row) ?? joined({ ...row, state: "dead", note: DAMAGED }, { envelope: { from: "", to: [] }, meta: {}, last: [] });
  return { ...entry, leased, size };
}

function json(value: object): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    throw badRequest(`the entry must be plain data: ${error instanceof Error ? error.message : "it cannot be text"}`);
  }
}

function priorityOf(value: number): number {
  if (isPriority(value)) return value;
  throw badRequest(`priority must be a whole number from -9 to 9, not ${value}`);
}

function isPriority(value: number): boolean {
  return Number.isInteger(value) && value >= -9 && value <= 9;
}

export function stateOf(value: EntryState): EntryState {
  if (["ready", "held", "dead"].includes(value)) return value;
  throw badRequest(`state must be one of ready, held, dead, not ${JSON.stringify(value)}`);
}

/** Times are whole milliseconds; what lies between two of them counts as the later one. */
export function time(name: string, value: number): number {
  if (Number.isFinite(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER) return Math.ceil(value);
  throw badRequest(`${name} must be a time in milliseconds since 1970, not ${value}`);
}

export function whole(name: string, value: number): number {
  if (Number.isSafeInteger(value)) return value;
  throw badRequest(`${name} must be a whole number, not ${value}`);
}

/** UTF-8 has no lone surrogates: the text would come back as another one. */
export function text(name: string, value: string): string {
  if (typeof value === "string" && value.isWellFormed()) return value;
  throw badRequest(`${name} must be well-formed Unicode text: ${JSON.stringify(value)}`);
}
