import { shown } from "./address-error.ts";
import type { Issues } from "./issues.ts";
import { kindOf, oneLine, report } from "./issues.ts";

/** What stands between the angle brackets: printable ASCII without white space and brackets. */
const MESSAGE_ID = /^<([!-;=?-~]{1,900})>$/;

/** One Message-ID with its angle brackets, which the input may lack (RFC 5322 §3.6.4). It must have an `@`. */
export function messageId(given: unknown, path: string, issues: Issues): string {
  const id = reference(given, path, issues);
  if (id !== "" && !/^<[^@]+@[^@]+>$/.test(id)) {
    report(issues, path, `${shown(id)} must have the form <left@right> (RFC 5322 §3.6.4)`);
  }
  return id;
}

/** A Message-ID somebody else made: much exists that has no `@`, and an answer has to name it all the same. */
export function reference(given: unknown, path: string, issues: Issues): string {
  if (typeof given !== "string") {
    report(issues, path, `must be a string, not ${kindOf(given)}`);
    return "";
  }
  const id = given.startsWith("<") ? given : `<${given}>`;
  if (MESSAGE_ID.test(id)) return id;
  report(
    issues,
    path,
    `${shown(given)} is not a Message-ID: up to 900 printable ASCII characters without spaces, as in <left@right>`,
  );
  return "";
}

/** The Message-IDs of a thread, from one string with spaces between them or from several. */
export function references(given: unknown, path: string, issues: Issues): string[] {
  const entries = typeof given === "string" ? (oneLine(given, path, issues).match(/[^\t ]+/g) ?? []) : given;
  if (Array.isArray(entries)) return entries.map((entry, i) => reference(entry, `${path}[${i}]`, issues));
  report(issues, path, `must be a string or an array of strings, not ${kindOf(given)}`);
  return [];
}
