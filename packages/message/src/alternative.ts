import { Buffer } from "node:buffer";
import type { Alternative } from "@postroad/core";
import { shown } from "./address-error.ts";
import type { Issues } from "./issues.ts";
import { kindOf, knownKeys, manyLines, oneLine, recordOf, report } from "./issues.ts";
import { essence, mediaType, textType } from "./media-type.ts";
import { inMemory } from "./source.ts";

const KNOWN: ReadonlySet<string> = new Set(["type", "content"]);
const CALENDAR: ReadonlySet<string> = new Set(["method", "content"]);

export function isCalendar(alternative: Alternative): boolean {
  return essence(alternative.type) === "text/calendar";
}

export function alternativesOf(given: unknown, issues: Issues): Alternative[] {
  if (given === undefined) return [];
  if (Array.isArray(given)) return given.flatMap((entry, i) => alternativeOf(entry, `alternatives[${i}]`, issues));
  report(issues, "alternatives", `must be an array, not ${kindOf(given)}`);
  return [];
}

function alternativeOf(given: unknown, path: string, issues: Issues): Alternative[] {
  const entry = recordOf(given, "{ type, content }", path, issues);
  if (entry === undefined) return [];
  knownKeys(entry, KNOWN, path, issues);
  const type = mediaType(entry["type"], `${path}.type`, issues);
  const { content } = entry;
  if (typeof content === "string") {
    return [{ type: textType(type, `${path}.type`, issues), content: inMemory(Buffer.from(content)) }];
  }
  if (content instanceof Uint8Array) return [{ type, content: inMemory(content) }];
  report(issues, `${path}.content`, `must be a string or bytes, not ${kindOf(content)}`);
  return [];
}

/** The invitation as a form of the text; its method stands in the type as well (RFC 6047 §2.4). */
export function calendarOf(given: unknown, issues: Issues): Alternative[] {
  if (given === undefined) return [];
  const invitation = recordOf(given, "{ method, content }", "calendar", issues);
  if (invitation === undefined) return [];
  knownKeys(invitation, CALENDAR, "calendar", issues);
  const text = manyLines(invitation["content"], "calendar.content", issues);
  const method = methodOf(invitation["method"], text, issues);
  return [{ type: `text/calendar; method=${method}; charset=utf-8`, content: inMemory(Buffer.from(text)) }];
}

function methodOf(given: unknown, text: string, issues: Issues): string {
  const [, inText] = /^METHOD:([A-Za-z-]{1,40})[\t ]*$/im.exec(text) ?? [];
  const method = (given === undefined ? (inText ?? "") : oneLine(given, "calendar.method", issues)).toUpperCase();
  if (!/^[A-Z-]{1,40}$/.test(method)) {
    report(
      issues,
      "calendar.method",
      `${shown(method)} is no method such as REQUEST, and the text needs the same in METHOD:`,
    );
  } else if (inText?.toUpperCase() !== method) {
    report(
      issues,
      "calendar.method",
      `is ${method}, but the text says ${inText ?? "nothing"} in METHOD: (RFC 6047 §2.4)`,
    );
  }
  return method;
}
