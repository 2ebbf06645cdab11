import { Buffer } from "node:buffer";
import type { Mail, Message } from "@postroad/core";
import { readAll } from "@postroad/core";
import type { AddressObject, ParsedMail } from "mailparser";
import { simpleParser } from "mailparser";
import type { Email } from "postal-mime";
import PostalMime from "postal-mime";
import { createMessage } from "../src/create.ts";
import type { CreateOptions, Draft } from "../src/draft.ts";
import type { MessageIssue } from "../src/errors.ts";
import { MessageError } from "../src/errors.ts";

/** Everything random or of this moment, fixed. */
export const fixed: CreateOptions = {
  clock: () => new Date("2026-11-22T08:30:15.500Z"),
  random: () => "0123456789abcdef",
};

export const minimal: Draft = { from: "ann@example.net", to: "bob@example.org" };

/** The whole mail as text; every octet beyond ASCII shows as one character. */
export async function textOf(mail: Mail): Promise<string> {
  return Buffer.from(await readAll(mail.content)).toString("latin1");
}

export function rendered(draft: Partial<Draft>): Promise<string> {
  return textOf(createMessage({ ...minimal, ...draft }, fixed));
}

/** The header, unfolded, as lists of `Name: value`. */
export function fieldsOf(mail: string): string[] {
  const [header = ""] = mail.split("\r\n\r\n", 1);
  return header.replace(/\r\n(?=[ \t])/g, "").split("\r\n");
}

/** The values of a field, unfolded. */
export async function fieldValues(draft: Partial<Draft>, name: string): Promise<string[]> {
  const fields = fieldsOf(await rendered(draft));
  return fields.filter((field) => field.startsWith(`${name}: `)).map((field) => field.slice(name.length + 2));
}

/** createMessage as JavaScript calls it: with anything. */
export function createLoosely(draft: object, options: CreateOptions = fixed): Message {
  return Reflect.apply(createMessage, undefined, [draft, options]);
}

/** What a draft is refused for; nothing where it is not. */
export function messageIssuesOf(draft: object, options?: CreateOptions): readonly MessageIssue[] {
  try {
    createLoosely(draft, options);
    return [];
  } catch (error) {
    if (error instanceof MessageError) return error.issues;
    throw error;
  }
}

/** The same as `path: message`. */
export function issuesOf(draft: object, options?: CreateOptions): string[] {
  return messageIssuesOf(draft, options).map(({ path, message }) => `${path}: ${message}`);
}

/** The mail, or undefined where the draft is refused. */
export async function mailUnlessRefused(draft: object): Promise<string | undefined> {
  return messageIssuesOf(draft).length > 0 ? undefined : textOf(createLoosely(draft));
}

/** What two independent parsers agree that a reader sees. */
export interface Reading {
  readonly from: readonly Person[];
  readonly to: readonly Person[];
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly files: readonly { readonly filename: string; readonly bytes: Buffer }[];
}

interface Person {
  readonly name: string;
  readonly address: string;
}

export async function readByPostalMime(bytes: Uint8Array): Promise<Reading> {
  const email: Email = await PostalMime.parse(bytes, { attachmentEncoding: "arraybuffer" });
  const people = (list: Email["to"]): Person[] =>
    (list ?? [])
      .flatMap((entry) => entry.group ?? [entry])
      .map(({ name, address }) => ({ name, address: address ?? "" }));
  return {
    from: email.from === undefined ? [] : people([email.from]),
    to: people(email.to),
    subject: email.subject ?? "",
    text: email.text ?? "",
    html: email.html ?? "",
    files: email.attachments.map(({ filename, content }) => ({ filename: filename ?? "", bytes: bufferOf(content) })),
  };
}

export async function readByMailparser(bytes: Uint8Array): Promise<Reading> {
  const mail: ParsedMail = await simpleParser(Buffer.from(bytes), {
    skipTextToHtml: true,
    skipHtmlToText: true,
    skipImageLinks: true,
  });
  const people = (given: AddressObject | AddressObject[] | undefined): Person[] =>
    [given ?? []]
      .flat()
      .flatMap(({ value }) => value)
      .flatMap((entry) => entry.group ?? [entry])
      .map(({ name, address }) => ({ name, address: address ?? "" }));
  return {
    from: people(mail.from),
    to: people(mail.to),
    subject: mail.subject ?? "",
    text: mail.text ?? "",
    html: mail.html === false ? "" : mail.html,
    files: mail.attachments.map(({ filename, content }) => ({ filename: filename ?? "", bytes: content })),
  };
}

function bufferOf(content: string | ArrayBuffer | Uint8Array): Buffer {
  if (typeof content === "string") return Buffer.from(content);
  return content instanceof ArrayBuffer
    ? Buffer.from(content)
    : Buffer.from(content.buffer, content.byteOffset, content.byteLength);
}
