import { Buffer } from "node:buffer";
import type { Content, Fields, Message } from "@postroad/core";

export type HeaderField = readonly [name: string, value: string];

/**
 * The message with further header fields, but for those it has already: in its fields, and in front of its bytes. Where
 * in the header a field stands means nothing (RFC 5322 §3.6), so the bytes are still a rendering of the fields.
 */
export function withFields(message: Message, fields: readonly HeaderField[]): Message {
  const present = new Set(message.fields.headers.map(([name]) => name.toLowerCase()));
  const added = fields.filter(([name]) => !present.has(name.toLowerCase()));
  return withChanges(message, { headers: [...message.fields.headers, ...added] }, added);
}

/** The message with these `changes` of its fields, of which `added` is the rendering. */
export function withChanges(message: Message, changes: Partial<Fields>, added: readonly HeaderField[]): Message {
  if (added.length === 0) return message;
  return {
    ...message,
    fields: { ...message.fields, ...changes },
    content: withHead(added.map(folded).join(""), message.content),
  };
}

/** Lines of no more than 78 characters where there are spaces to break at (RFC 5322 §2.1.1 and §2.2.3). */
function folded([name, value]: HeaderField): string {
  let line = `${name}:`;
  let lines = "";
  for (const word of value.split(" ")) {
    // Breaking before nothing would leave a line of white space alone.
    const fits = line.length + 1 + word.length <= 78 || word === "" || line === `${name}:`;
    if (!fits) lines += `${line}\r\n`;
    line = fits ? `${line} ${word}` : ` ${word}`;
  }
  return `${lines}${line}\r\n`;
}

/** Contents with fields in front, by what they were made of. */
const made = new WeakMap<Content, Map<string, Content>>();

/** Heads that are remembered of one content: those of as many recipients as every server takes (RFC 5321 §4.5.3.1.8). */
const REMEMBERED = 100;

/**
 * The same content for the same fields, so that what is kept for a content, such as its signature, holds for every
 * attempt to send it. Past 100 heads of one content the oldest is forgotten, and made anew where it is needed again.
 */
function withHead(head: string, content: Content): Content {
  const known = made.get(content) ?? new Map<string, Content>();
  made.set(content, known);
  const found = known.get(head) ?? prefixed(Buffer.from(head), content);
  known.delete(head);
  known.set(head, found);
  const [oldest] = known.keys();
  if (known.size > REMEMBERED && oldest !== undefined) known.delete(oldest);
  return found;
}

function prefixed(head: Uint8Array, content: Content): Content {
  return {
    ...(content.size !== undefined && { size: head.byteLength + content.size }),
    open() {
      const rest = content.open();
      return Symbol.asyncIterator in rest ? laterAll(head, rest) : all(head, rest);
    },
  };
}

function* all(head: Uint8Array, rest: Iterable<Uint8Array>): Generator<Uint8Array> {
  yield head;
  yield* rest;
}

async function* laterAll(head: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield head;
  yield* rest;
}
