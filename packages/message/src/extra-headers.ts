import { shown } from "./address-error.ts";
import { parseAddresses } from "./address.ts";
import { isFoldable } from "./fold.ts";
import type { Issues } from "./issues.ts";
import { collect, isRecord, kindOf, oneLine, report } from "./issues.ts";
import type { HeaderField } from "./list.ts";
import { isListField } from "./list.ts";

/** Printable ASCII but for the colon (RFC 5322 §2.2). */
const NAME = /^[!-9;-~]{1,256}$/;
const PRINTABLE = /^[\t -~]*$/;

/** Fields that the draft has a place for, or that nobody but us may write. By their names in lower case. */
const OWNED: ReadonlyMap<string, string> = new Map([
  ["from", "use from"],
  ["sender", "use sender"],
  ["reply-to", "use replyTo"],
  ["to", "use to"],
  ["cc", "use cc"],
  ["bcc", "use bcc"],
  ["resent-bcc", "use envelope.to"],
  ["return-path", "use envelope.from; the last host writes it"],
  ["subject", "use subject"],
  ["date", "use date"],
  ["message-id", "use messageId"],
  ["in-reply-to", "use inReplyTo"],
  ["references", "use references"],
  ["x-priority", "use priority"],
  ["importance", "use priority"],
  ["mime-version", "createMessage writes it"],
  ["content-type", "use text, html, alternatives or attachments[].type"],
  ["content-transfer-encoding", "createMessage chooses it"],
  ["content-disposition", "use attachments[].inline and attachments[].filename"],
  ["content-id", "use attachments[].contentId"],
]);

/** Fields made of addresses; the rest of the world reads encoded words in them only as names. */
const ADDRESSES = /^(?:resent-(?:from|sender|to|cc|reply-to)|disposition-notification-to|return-receipt-to|errors-to)$/;

/** Fields that have no place for encoded words (RFC 2047 §5). */
const ASCII_ONLY =
  /^(?:received|dkim-signature|arc-.+|authentication-results|auto-submitted|resent-(?:date|message-id)|content-.+|list-.+)$/;

/** Fields of the way a mail took, which stand before all others (RFC 5322 §3.6.6-7). */
const TRACE = /^(?:received|dkim-signature|arc-.+|authentication-results|resent-.+)$/;

/** How the value of a further header field is written. */
export function headerKind(name: string): "addresses" | "list-id" | "ascii" | "text" {
  const lower = name.toLowerCase();
  if (lower === "list-id") return "list-id";
  if (ASCII_ONLY.test(lower)) return "ascii";
  return ADDRESSES.test(lower) ? "addresses" : "text";
}

export function isTraceField(name: string): boolean {
  return TRACE.test(name.toLowerCase());
}

/** Is it a field that `priority` writes? By its name in lower case. */
export function isPriorityField(name: string): boolean {
  return name === "x-priority" || name === "importance";
}

/** `X-Priority` is what clients read, `Importance` what the standard has (RFC 2156 §5.3.4). */
export function priorityFields(priority: unknown, issues: Issues): HeaderField[] {
  if (priority === undefined || priority === "normal") return [];
  if (priority === "high" || priority === "low") {
    return [
      ["X-Priority", priority === "high" ? "1" : "5"],
      ["Importance", priority],
    ];
  }
  const given = typeof priority === "string" ? shown(priority) : kindOf(priority);
  report(issues, "priority", `must be high, normal or low, not ${given}`);
  return [];
}

/** The fields of `headers`, each checked. */
export function extraFields(headers: unknown, issues: Issues): HeaderField[] {
  if (headers === undefined) return [];
  if (Array.isArray(headers)) return headers.flatMap((pair, i) => fieldsOf(pair, i, issues));
  if (isRecord(headers) && !(Symbol.iterator in headers)) {
    return Object.entries(headers).flatMap((pair, i) => fieldsOf(pair, i, issues));
  }
  const found = isRecord(headers) ? "a Map or Headers: spread it, as in [...headers]" : kindOf(headers);
  report(issues, "headers", `must be an object or an array of [name, value], not ${found}`);
  return [];
}

function fieldsOf(pair: unknown, i: number, issues: Issues): HeaderField[] {
  if (!isPair(pair)) {
    report(issues, `headers[${i}]`, `must be [name, value], not ${kindOf(pair)}`);
    return [];
  }
  const [name, given] = pair;
  const values: readonly unknown[] = Array.isArray(given) ? given : [given];
  return values.flatMap((value) => (value === undefined ? [] : fieldOf(name, value, issues)));
}

function isPair(given: unknown): given is readonly [string, unknown] {
  return Array.isArray(given) && given.length === 2 && typeof given[0] === "string";
}

function fieldOf(name: string, given: unknown, issues: Issues): HeaderField[] {
  const lower = name.toLowerCase();
  const advice = isListField(lower) ? `use list.${lower.slice("list-".length)}` : OWNED.get(lower);
  if (!NAME.test(name)) {
    report(issues, `headers[${shown(name)}]`, "is not a field name: printable ASCII without spaces and colons");
  } else if (advice !== undefined) {
    report(issues, `headers.${name}`, `is not a further header field: ${advice}`);
  } else {
    const path = `headers.${name}`;
    const value = oneLine(given, path, issues).trim();
    checkValue(name, value, path, issues);
    return [[name, value]];
  }
  return [];
}

function checkValue(name: string, value: string, path: string, issues: Issues): void {
  const kind = headerKind(name);
  if (kind === "addresses") collect(issues, () => parseAddresses(value, path), []);
  if (kind !== "ascii") return;
  const needed = "must be ASCII; this field has no place for encoded words";
  if (!PRINTABLE.test(value)) report(issues, path, `${shown(value)} ${needed}`);
  if (!isFoldable(value)) report(issues, path, "has a word of over 900 characters and nowhere to fold it");
}
