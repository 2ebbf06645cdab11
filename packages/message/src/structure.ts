import { Buffer, isUtf8 } from "node:buffer";
import type { Alternative, Attachment, Content, Fields } from "@postroad/core";
import { BOUNDARY_START, encodeText, hasLongLine } from "./body.ts";
import { fieldOfTokens } from "./fold.ts";
import { OCTETS, essence, partsOf } from "./media-type.ts";
import type { Piece } from "./output.ts";
import { asciiParameter, isSimple, parameter } from "./parameter.ts";
import { isInMemory } from "./source.ts";

/** The fields of a part's header that say what it is, and its body. */
interface Leaf {
  readonly head: string;
  readonly body: Piece;
  /** The body stands on whole lines, so that what follows begins a new one. */
  readonly isClosed: boolean;
}

interface Multipart {
  readonly subtype: "mixed" | "alternative" | "related";
  readonly parameters: readonly string[];
  readonly parts: readonly Part[];
}

type Part = Leaf | Multipart;

/** The body of the mail and the header fields that describe it, added to `out`. */
export function writeBody(fields: Fields, out: Piece[]): void {
  const root = treeOf(fields);
  if ("parts" in root) writeMultipart(root, boundaryOf(fields), out);
  else writeLeaf(root, out, endsInCrlf(root.body));
}

/** Pictures of the HTML join it in multipart/related (RFC 2387), forms of the text in multipart/alternative. */
function treeOf(fields: Fields): Part {
  const files: Part[] = [];
  const pictures: Part[] = [];
  for (const [i, attachment] of fields.attachments.entries()) {
    const isPicture = fields.html !== undefined && attachment.inline === true && attachment.contentId !== undefined;
    (isPicture ? pictures : files).push(attachmentPart(attachment, `attachments[${i}]`, fields));
  }
  const forms = formsOf(fields, pictures);
  const text = forms.length > 1 ? [multipart("alternative", forms)] : forms;
  const [first = textPart("text/plain; charset=utf-8", ""), ...others] = [...text, ...files];
  return others.length === 0 ? first : multipart("mixed", [first, ...others]);
}

function formsOf({ text, html, alternatives }: Fields, pictures: readonly Part[]): Part[] {
  const forms: Part[] = text === undefined ? [] : [textPart("text/plain; charset=utf-8", text)];
  const [before, after] = [alternatives.filter(goesBeforeHtml), alternatives.filter((form) => !goesBeforeHtml(form))];
  forms.push(...before.map(alternativePart));
  if (html !== undefined) {
    const page = textPart("text/html; charset=utf-8", html);
    forms.push(pictures.length === 0 ? page : multipart("related", [page, ...pictures], [`type="text/html"`]));
  }
  forms.push(...after.map(alternativePart));
  return forms;
}

/** Clients that show the last form they know must not take AMP for the page. */
function goesBeforeHtml({ type }: Alternative): boolean {
  return essence(type) === "text/x-amp-html";
}

function multipart(
  subtype: Multipart["subtype"],
  parts: readonly Part[],
  parameters: readonly string[] = [],
): Multipart {
  return { subtype, parameters, parts };
}

function textPart(type: string, text: string): Leaf {
  const { encoding, body } = encodeText(text);
  const head = `Content-Type: ${type}\r\nContent-Transfer-Encoding: ${encoding}\r\n`;
  return { head, body, isClosed: encoding === "base64" };
}

function alternativePart({ type, content }: Alternative): Leaf {
  const isText = type.startsWith("text/") && type.endsWith("; charset=utf-8");
  if (!isText || !isInMemory(content) || !isUtf8(content.bytes)) {
    return base64Part(contentTypeField(type), content, "alternatives");
  }
  return textPart(type, viewOf(content.bytes).toString());
}

function attachmentPart(attachment: Attachment, path: string, mailFields: Fields): Leaf {
  const { filename, type, content, contentId, inline } = attachment;
  const mail = type.startsWith("message/") ? asMail(content, boundaryOf(mailFields)) : undefined;
  const known = type.startsWith("message/") && mail === undefined ? OCTETS : type;
  const names = filename === undefined ? [] : parameter("filename", filename);
  const fields =
    contentTypeField(known, filename) +
    fieldOfTokens("Content-Disposition", withSemicolons([inline === true ? "inline" : "attachment", ...names])) +
    (contentId === undefined ? "" : `Content-ID: <${contentId}>\r\n`);
  if (mail === undefined) return base64Part(fields, content, path);
  return { head: `${fields}Content-Transfer-Encoding: 7bit\r\n`, body: mail, isClosed: false };
}

function base64Part(fields: string, content: Content, path: string): Leaf {
  return { head: `${fields}Content-Transfer-Encoding: base64\r\n`, body: { content, path }, isClosed: true };
}

/** `name` is for readers that know nothing else; those that do take `filename` of Content-Disposition. */
function contentTypeField(type: string, filename?: string): string {
  const parts = partsOf(type);
  if (filename === undefined || parts.some((part) => part.startsWith("name="))) {
    return fieldOfTokens("Content-Type", withSemicolons(parts));
  }
  const name = isSimple(filename) ? parameter("name", filename) : [asciiParameter("name", filename)];
  return fieldOfTokens("Content-Type", withSemicolons([...parts, ...name]));
}

function withSemicolons(tokens: readonly string[]): string[] {
  return tokens.map((token, i) => (i === tokens.length - 1 ? token : `${token};`));
}

/**
 * A mail within a mail must not be encoded (RFC 2046 §5.2.1). One that is not clean in seven bits, or could be cut by
 * our boundary, travels as application/octet-stream instead, so that its bytes stay what they are.
 */
function asMail(content: Content, boundary: string): string | undefined {
  if (!isInMemory(content)) return undefined;
  const text = viewOf(content.bytes).toString("latin1");
  const isClean = !/[\0\x80-\xff]|\r(?!\n)|(?<!\r)\n/.test(text) && !hasLongLine(text);
  return isClean && !text.includes(`--${boundary}`) ? text : undefined;
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** How the boundaries of this mail begin. They come from the Message-ID, so that the same fields give the same bytes. */
function boundaryOf({ messageId }: Fields): string {
  return BOUNDARY_START + messageId.replace(/[^A-Za-z0-9]/g, "").slice(0, 40);
}

function writeMultipart({ subtype, parameters, parts }: Multipart, stem: string, out: Piece[]): void {
  const boundary = `${stem}_${subtype.slice(0, 3)}`;
  const type = withSemicolons([`multipart/${subtype}`, ...parameters, `boundary="${boundary}"`]);
  out.push(`${fieldOfTokens("Content-Type", type)}\r\n`);
  for (const part of parts) {
    out.push(`--${boundary}\r\n`);
    if ("parts" in part) writeMultipart(part, stem, out);
    else writeLeaf(part, out, false);
  }
  out.push(`--${boundary}--\r\n`);
}

/** The CRLF before a delimiter belongs to the delimiter (RFC 2046 §5.1.1), so a text gets one whatever it ends in. */
function writeLeaf({ head, body, isClosed }: Leaf, out: Piece[], isEnded: boolean): void {
  out.push(`${head}\r\n`, body);
  if (!isClosed && !isEnded) out.push("\r\n");
}

function endsInCrlf(body: Piece): boolean {
  if (typeof body === "string") return body === "" || body.endsWith("\r\n");
  return body instanceof Uint8Array && (body.byteLength === 0 || body.at(-1) === 0x0a);
}
