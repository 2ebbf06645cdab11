import type { Envelope, Fields, Message } from "@postroad/core";
import { isCalendar } from "./alternative.ts";
import type { Changes, CreateOptions, Draft } from "./draft.ts";
import { envelopeOf, impliedEnvelope } from "./envelope.ts";
import { isPriorityField } from "./extra-headers.ts";
import { DEFAULTS, decisions, fieldsOf } from "./fields.ts";
import type { Issues } from "./issues.ts";
import { throwIssues } from "./issues.ts";
import { isListField } from "./list.ts";
import { idOf, metaOf } from "./raw-identity.ts";
import { render } from "./render.ts";

/**
 * A message from a draft. Everything is decided here and never again: addresses, date, Message-ID, boundaries, bytes.
 * Whoever sends it twice sends the same bytes twice.
 *
 * The envelope is derived from the header: the sender or else first author, and everybody in to, cc and bcc;
 * `draft.envelope` overrides it. Throws a MessageError that lists everything wrong with the draft.
 */
export function createMessage(draft: Draft, options: CreateOptions = DEFAULTS): Message {
  const issues: Issues = [];
  const decide = decisions(options);
  const token = decide.random();
  const fields = fieldsOf(draft, token, decide, issues);
  const envelope = envelopeOf(impliedEnvelope(fields), draft.envelope, fields, decide.maxRecipients, issues);
  const id = idOf(draft.id ?? token, issues);
  const meta = draft.meta === undefined ? {} : metaOf(draft.meta, issues);
  throwIssues(issues);
  return frozen(id, envelope, fields, meta);
}

/**
 * The message with other fields, rendered anew. Id, meta, Date and Message-ID stay, and so does the envelope, even where
 * `to`, `cc` or `bcc` change: what a middleware adds to the header must not send the mail to anyone. To change who
 * receives it, say so in `changes.envelope`.
 */
export function edit(message: Message, changes: Changes): Message {
  const issues: Issues = [];
  const decide = decisions({ maxRecipients: Number.MAX_SAFE_INTEGER });
  const given = fieldsOf({ ...draftOf(message.fields), ...changes }, "", decide, issues);
  const fields = { ...given, ...kept(message.fields, given, changes) };
  const envelope = envelopeOf(message.envelope, changes.envelope, fields, decide.maxRecipients, issues);
  throwIssues(issues);
  return frozen(message.id, envelope, fields, message.meta);
}

/** A draft that gives the same fields again, apart from what `kept` carries over. */
function draftOf(fields: Fields): Draft {
  const { headers: _, alternatives: __, ...rest } = fields;
  return rest;
}

/** Header fields and forms of the text have several sources in a draft; those that no change names stay. */
function kept(old: Fields, given: Fields, changes: Changes): Pick<Fields, "headers" | "alternatives"> {
  const isChanged = (key: keyof Changes) => Object.hasOwn(changes, key);
  const headers = old.headers.filter(([name]) => !isChanged(sourceOf(name)));
  const alternatives = old.alternatives.filter((form) => !isChanged(isCalendar(form) ? "calendar" : "alternatives"));
  return { headers: [...headers, ...given.headers], alternatives: [...alternatives, ...given.alternatives] };
}

function sourceOf(headerName: string): keyof Changes {
  const lower = headerName.toLowerCase();
  if (isListField(lower)) return "list";
  return isPriorityField(lower) ? "priority" : "headers";
}

/** Frozen as deep as our own objects go. What callers gave (bytes, contents) stays theirs. */
function frozen(id: string, envelope: Envelope, fields: Fields, meta: Message["meta"]): Message {
  const content = render(fields);
  const { from, replyTo, to, cc, bcc, references, alternatives, headers, attachments } = fields;
  for (const list of [from, replyTo, to, cc, bcc, alternatives, headers, attachments, envelope.to]) {
    for (const item of list) Object.freeze(item);
    Object.freeze(list);
  }
  for (const value of [references, fields.sender, fields, envelope, meta]) Object.freeze(value);
  return Object.freeze({ id, envelope, content, meta, fields });
}
