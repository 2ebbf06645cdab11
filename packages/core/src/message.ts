import type { Content } from "./content.ts";
import type { Mail } from "./mail.ts";

/** A mailbox with the name people see (RFC 5322 §3.4). */
export interface Address {
  readonly address: string;
  readonly name?: string;
}

/** A named list of mailboxes (RFC 5322 §3.4); empty in `undisclosed-recipients:;`. */
export interface Group {
  readonly name: string;
  readonly members: readonly Address[];
}

/** A file that travels with the text. */
export interface Attachment {
  /** What the receiver sees; never a path. */
  readonly filename?: string;
  /** Media type with its parameters, e.g. `application/pdf`. */
  readonly type: string;
  readonly content: Content;
  /** Without angle brackets; HTML refers to it as `cid:…` (RFC 2392). */
  readonly contentId?: string;
  /** Shown within the text instead of listed below it (RFC 2183 §2.1). */
  readonly inline?: boolean;
}

/** Another form of the same text, e.g. a calendar invitation. */
export interface Alternative {
  /** Media type with its parameters, e.g. `text/calendar; method=REQUEST`. */
  readonly type: string;
  readonly content: Content;
}

/** The message model: every value decided, nothing left to the moment of rendering. */
export interface Fields {
  readonly from: readonly Address[];
  readonly sender?: Address;
  readonly replyTo: readonly (Address | Group)[];
  readonly to: readonly (Address | Group)[];
  readonly cc: readonly (Address | Group)[];
  /** Known to providers that take fields; never rendered. */
  readonly bcc: readonly (Address | Group)[];
  readonly subject: string;
  readonly date: Date;
  /** With angle brackets: `<left@right>` (RFC 5322 §3.6.4). */
  readonly messageId: string;
  readonly inReplyTo?: string;
  readonly references: readonly string[];
  readonly text?: string;
  readonly html?: string;
  readonly alternatives: readonly Alternative[];
  /** Further header fields in order; a name may repeat. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly attachments: readonly Attachment[];
}

/** A mail we composed: `content` is the rendering of `fields`. */
export interface Message extends Mail {
  readonly fields: Fields;
}
