import { Buffer } from "node:buffer";
import type { Attachment, Content } from "@postroad/core";
import { shown } from "./address-error.ts";
import { isFileSource } from "./file.ts";
import { typeOf as typeByName } from "./file-types.ts";
import { fileName } from "./filename.ts";
import type { Issues } from "./issues.ts";
import { flag, isRecord, kindOf, knownKeys, oneLine, recordOf, report } from "./issues.ts";
import { OCTETS, mediaType, textType } from "./media-type.ts";
import { fromBlob, fromFactory, inMemory } from "./source.ts";

const KNOWN: ReadonlySet<string> = new Set(["content", "filename", "type", "contentId", "inline", "size"]);
const HINTS: ReadonlyMap<string, string> = new Map([
  ["path", "attachments: [await file(path)]"],
  ["href", "content: () => fetch(url).then(({ body }) => body)"],
  ["cid", "contentId"],
  ["contentType", "type"],
  ["contentDisposition", "inline"],
]);

type Entry = Readonly<Record<string, unknown>>;

export function attachmentsOf(given: unknown, issues: Issues): Attachment[] {
  if (given === undefined) return [];
  if (!Array.isArray(given)) {
    report(issues, "attachments", `must be an array, not ${kindOf(given)}`);
    return [];
  }
  const attachments = given.flatMap((entry, i) => attachmentOf(entry, `attachments[${i}]`, issues));
  checkContentIds(attachments, issues);
  return attachments;
}

function attachmentOf(given: unknown, path: string, issues: Issues): Attachment[] {
  const entry = recordOf(given, "an object with content", path, issues);
  if (entry === undefined) return [];
  knownKeys(entry, KNOWN, path, issues, HINTS);
  const size = sizeOf(entry["size"], `${path}.size`, issues);
  const content = contentOf(entry["content"], size, path, issues);
  if (content === undefined) return [];
  if (size !== undefined && size !== content.size) {
    report(issues, `${path}.size`, `is ${size}, but the content has ${content.size} bytes`);
  }
  const filename = nameOf(entry, path, issues);
  const contentId = contentIdOf(entry["contentId"], `${path}.contentId`, issues);
  const inline = flag(entry["inline"] ?? contentId !== undefined, `${path}.inline`, issues);
  const attachment = { type: typeOf(entry, filename, path, issues), content, inline };
  return [
    { ...attachment, ...(filename !== undefined && { filename }), ...(contentId !== undefined && { contentId }) },
  ];
}

function contentOf(given: unknown, size: number | undefined, path: string, issues: Issues): Content | undefined {
  if (typeof given === "string") return inMemory(Buffer.from(given));
  if (given instanceof Uint8Array) return inMemory(given);
  if (given instanceof ArrayBuffer) return inMemory(new Uint8Array(given));
  if (given instanceof Blob) return fromBlob(given);
  if (isFactory(given)) return fromFactory(given, path, size);
  if (isContent(given)) return sized(given, size);
  const wanted = "text, bytes, a Blob or a function that opens a stream";
  report(issues, `${path}.content`, `must be ${wanted}, not ${what(given)}`);
  return undefined;
}

function isFactory(given: unknown): given is Parameters<typeof fromFactory>[0] {
  return typeof given === "function";
}

function isContent(given: unknown): given is Content {
  return isRecord(given) && typeof given["open"] === "function";
}

function sized(content: Content, size: number | undefined): Content {
  return size === undefined || content.size !== undefined ? content : { size, open: () => content.open() };
}

function what(given: unknown): string {
  if (isFileSource(given)) return "what file() gives, which is a whole attachment: attachments: [await file(path)]";
  const isStream = isRecord(given) && (Symbol.asyncIterator in given || "getReader" in given);
  return isStream ? "a stream, which can be read only once" : kindOf(given);
}

function sizeOf(size: unknown, path: string, issues: Issues): number | undefined {
  if (size === undefined || (typeof size === "number" && Number.isSafeInteger(size) && size >= 0)) return size;
  report(issues, path, `must be a whole number of bytes, not ${typeof size === "number" ? size : kindOf(size)}`);
  return undefined;
}

function nameOf(given: Entry, path: string, issues: Issues): string | undefined {
  const { content, filename } = given;
  const name = filename ?? (content instanceof File ? content.name : undefined);
  return name === undefined ? undefined : fileName(name, `${path}.filename`, issues);
}

function typeOf(given: Entry, filename: string | undefined, path: string, issues: Issues): string {
  const { content, type } = given;
  const told = type ?? (content instanceof Blob && content.type !== "" ? content.type : undefined);
  const byName = filename === undefined ? OCTETS : typeByName(filename);
  const found = told === undefined ? byName : mediaType(told, `${path}.type`, issues);
  return typeof content === "string" ? textType(found, `${path}.type`, issues) : found;
}

/** What stands between the angle brackets of Content-ID and behind `cid:` (RFC 2392). */
function contentIdOf(given: unknown, path: string, issues: Issues): string | undefined {
  if (given === undefined) return undefined;
  const id = oneLine(given, path, issues).replace(/^<(.*)>$/, "$1");
  if (/^[!-;=?-~]{1,200}$/.test(id)) return id;
  report(issues, path, `${shown(id)} must be printable ASCII without spaces, as in logo or logo@shop.example`);
  return "";
}

function checkContentIds(attachments: readonly Attachment[], issues: Issues): void {
  const seen = new Set<string>();
  for (const [i, { contentId }] of attachments.entries()) {
    if (contentId === undefined || contentId === "") continue;
    const path = `attachments[${i}].contentId`;
    if (seen.has(contentId)) report(issues, path, `${shown(contentId)} is taken by another attachment`);
    seen.add(contentId);
  }
}
