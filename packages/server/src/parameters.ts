import type { Recipient } from "@postroad/core";
import type { CommandError } from "./command-error.ts";
import { refuse } from "./command-error.ts";

/** Parameters of MAIL. */
export interface MailParameters {
  size?: number;
  body?: "7BIT" | "8BITMIME";
  smtputf8?: true;
  requireTls?: true;
  ret?: "full" | "hdrs";
  envid?: string;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Parameters of RCPT: what RFC 3461 §4.1 and §4.2 know. */
export type RcptParameters = Mutable<Omit<Recipient, "address">>;

type Setter<T> = (target: T, value: string | undefined) => void;

const MAIL: ReadonlyMap<string, Setter<MailParameters>> = new Map<string, Setter<MailParameters>>([
  // RFC 1870 §3: up to 20 digits.
  ["SIZE", (to, value) => void (to.size = Number(matching(/^\d{1,20}$/, value, "SIZE takes a number of octets")))],
  ["BODY", (to, value) => void (to.body = oneOf(value?.toUpperCase(), ["7BIT", "8BITMIME"] as const, "BODY"))],
  ["SMTPUTF8", (to, value) => void (to.smtputf8 = none(value, "SMTPUTF8"))],
  ["REQUIRETLS", (to, value) => void (to.requireTls = none(value, "REQUIRETLS"))],
  ["RET", (to, value) => void (to.ret = oneOf(value?.toLowerCase(), ["full", "hdrs"] as const, "RET"))],
  // RFC 3461 §4.4: at most 100 characters, before they were encoded.
  ["ENVID", (to, value) => void (to.envid = limited(decodeXtext(value, "ENVID"), 100, "ENVID"))],
  // RFC 4954 §5: who first submitted it, as whoever sends it says. Read, and believed from nobody.
  ["AUTH", (_, value) => void decodeXtext(value, "AUTH")],
]);

const RCPT: ReadonlyMap<string, Setter<RcptParameters>> = new Map<string, Setter<RcptParameters>>([
  ["NOTIFY", (to, value) => void (to.notify = notifyOf(value))],
  ["ORCPT", (to, value) => void (to.originalRecipient = originalOf(value))],
]);

/** Throws a CommandError: 501 for what is wrong or there twice, 555 for what is not known (RFC 5321 §4.1.1.11). */
export function mailParameters(text: string): MailParameters {
  return read<MailParameters>(text, MAIL, {});
}

export function rcptParameters(text: string): RcptParameters {
  return read<RcptParameters>(text, RCPT, {});
}

const PARAMETER = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:=([^= ]+))?$/;

function read<T>(text: string, known: ReadonlyMap<string, Setter<T>>, into: T): T {
  if (text === "") return into;
  const seen = new Set<string>();
  for (const word of text.split(" ")) {
    if (word === "") continue;
    const [, keyword = "", value] = PARAMETER.exec(word) ?? [];
    const name = keyword.toUpperCase();
    if (name === "") throw wrong(`"${word}" is no parameter`);
    if (seen.size === seen.add(name).size) throw wrong(`${name} is there twice`);
    const set = known.get(name);
    if (set === undefined) throw refuse(555, "5.5.4", `${name} is not supported`);
    set(into, value);
  }
  return into;
}

function wrong(text: string): CommandError {
  return refuse(501, "5.5.4", text);
}

function matching(pattern: RegExp, value: string | undefined, message: string): string {
  if (value === undefined || !pattern.test(value)) throw wrong(message);
  return value;
}

function none(value: string | undefined, name: string): true {
  if (value !== undefined) throw wrong(`${name} takes no value`);
  return true;
}

function oneOf<const T extends string>(value: string | undefined, choices: readonly T[], name: string): T {
  const found = choices.find((choice) => choice === value);
  if (found === undefined) throw wrong(`${name} is one of ${choices.join(", ").toUpperCase()}`);
  return found;
}

function limited(text: string, max: number, name: string): string {
  if (text.length > max) throw wrong(`${name} has more than ${max} characters`);
  return text;
}

const CHOICES = ["success", "failure", "delay"] as const;

function notifyOf(value: string | undefined): NonNullable<Recipient["notify"]> {
  const words = (value ?? "").toLowerCase().split(",");
  if (words.length === 1 && words[0] === "never") return "never";
  const found = CHOICES.filter((choice) => words.includes(choice));
  const once = found.length === words.length;
  if (!once) throw wrong("NOTIFY is NEVER alone, or SUCCESS, FAILURE and DELAY, each once");
  return found;
}

/** `type;address`, decoded (RFC 3461 §4.2; for `utf-8` RFC 6533 §3). */
function originalOf(value: string | undefined): string {
  const [, type, address] = /^([A-Za-z0-9-]{1,40});(.+)$/.exec(limited(value ?? "", 500, "ORCPT")) ?? [];
  if (type === undefined) throw wrong("ORCPT is an address type, a semicolon and an address");
  const decoded = type.toLowerCase() === "utf-8" ? decodeUnicode(address) : decodeXtext(address, "ORCPT");
  return `${type};${decoded}`;
}

const XTEXT = /^(?:[!-*,-<>-~]|\+[0-9A-F]{2})+$/;

/** RFC 3461 §4. What comes out is printable: it will stand in logs and reports. */
function decodeXtext(value: string | undefined, name: string): string {
  const text = matching(XTEXT, value, `${name} is not encoded as RFC 3461 §4 says`);
  const decoded = text.replace(/\+([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return matching(/^[ -~]*$/, decoded, `${name} holds characters that are not printable ASCII`);
}

const UNICODE = /^(?:[!-*,-<>-[\]-~\u0080-\u{10ffff}]|\\x\{[0-9A-F]{2,6}\})+$/u;

function decodeUnicode(value: string | undefined): string {
  const text = matching(UNICODE, value, "ORCPT is not encoded as RFC 6533 §3 says");
  const decoded = text.replace(/\\x\{([0-9A-F]+)\}/g, (_, hex: string) => {
    const point = Number.parseInt(hex, 16);
    return point > 0x10_ffff ? "\0" : String.fromCodePoint(point);
  });
  return matching(/^[^\p{Cc}\p{Cs}]*$/u, decoded, "ORCPT holds control characters");
}
