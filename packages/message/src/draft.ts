import type { Address, Content, Recipient } from "@postroad/core";

/** `ann@example.net`, `Ann Smith <ann@example.net>`, several with commas between them, or a name and address apart. */
export type AddressInput = string | Address | GroupInput;

/** One address, or any number of them. */
export type AddressList = AddressInput | readonly AddressInput[];

/** A named list of mailboxes; without members it prints as `undisclosed-recipients:;` does (RFC 5322 §3.4). */
export interface GroupInput {
  readonly name: string;
  readonly members: readonly (string | Address)[];
}

/**
 * A mail as a person would describe it. A plain string is always text or an address, never a path or a URL.
 * Fields that are `undefined` count as not given.
 */
export interface Draft {
  /** The authors (RFC 5322 §3.6.2). More than one needs a `sender`. */
  readonly from: AddressList;
  /** Who submits it, where that is not the author. */
  readonly sender?: AddressInput | undefined;
  /** Where answers go. @default the authors */
  readonly replyTo?: AddressList | undefined;
  readonly to?: AddressList | undefined;
  readonly cc?: AddressList | undefined;
  /** Recipients nobody sees: in the envelope, never in the header. */
  readonly bcc?: AddressList | undefined;
  /** @default no subject */
  readonly subject?: string | undefined;
  /** The text for clients without HTML, and for people who prefer it. Any kind of line break. */
  readonly text?: string | undefined;
  /** The text as HTML. Refers to attachments as `cid:` and their `contentId`. */
  readonly html?: string | undefined;
  /** Files that travel with the text, and the pictures of the HTML. */
  readonly attachments?: readonly AttachmentInput[] | undefined;
  /** An invitation, which calendars offer to accept (RFC 6047). */
  readonly calendar?: CalendarInput | undefined;
  /** Further forms of the same text, the best last (RFC 2046 §5.1.4). `text/x-amp-html` goes before the HTML. */
  readonly alternatives?: readonly AlternativeInput[] | undefined;
  /**
   * Further header fields in order; an array of values or a name given twice repeats the field. What the draft has
   * a field for (`Subject`, `List-Unsubscribe`, `X-Priority`) is refused here.
   */
  readonly headers?: HeadersInput | undefined;
  /** `X-Priority` and `Importance` (RFC 2156 §5.3.4). @default "normal", which adds no field */
  readonly priority?: "high" | "normal" | "low" | undefined;
  /** What a mailing list says about itself (RFC 2369, RFC 2919), with one-click unsubscribe (RFC 8058). */
  readonly list?: ListInput | undefined;
  /** Message-ID this mail answers, with or without angle brackets (RFC 5322 §3.6.4). */
  readonly inReplyTo?: string | undefined;
  /** Message-IDs of the thread, oldest first, in one string or several. @default `inReplyTo` alone */
  readonly references?: string | readonly string[] | undefined;
  /** When it was written. @default now */
  readonly date?: Date | undefined;
  /** With or without angle brackets; unique in the world. @default a random one in the author's domain */
  readonly messageId?: string | undefined;
  /** Who really sends and receives, where that differs from the header. */
  readonly envelope?: EnvelopeInput | undefined;
  /** Key of the log, the queue and idempotency: the same id is the same mail. @default random */
  readonly id?: string | undefined;
  /** Notes for the way (tenant, stream, traceparent). Survives a queue, is never on the wire. */
  readonly meta?: Readonly<Record<string, string>> | undefined;
}

/** Header fields by name, or as pairs where the order across names counts. */
export type HeadersInput =
  | Readonly<Record<string, string | readonly string[] | undefined>>
  | readonly (readonly [name: string, value: string])[];

/** What overrides the envelope that the header implies (RFC 5321 §2.3.1). */
export interface EnvelopeInput {
  /** Where reports go, e.g. a VERP address; `null` is the null reverse-path. @default the sender, else the first author */
  readonly from?: string | null | undefined;
  /** Who receives it, whatever the header says. @default to, cc and bcc */
  readonly to?: string | Recipient | readonly (string | Recipient)[] | undefined;
  /** Which delivery status notifications to ask for (RFC 3461). */
  readonly dsn?: DsnInput | undefined;
  /** Never travel without verified TLS (RFC 8689). @default false */
  readonly requireTls?: boolean | undefined;
  /** Not to be delivered before this; a server has to offer FUTURERELEASE, or a queue to wait (RFC 4865). */
  readonly holdUntil?: Date | undefined;
  /** -9 to 9, the higher the sooner, for servers that offer MT-PRIORITY (RFC 6710). @default 0 */
  readonly priority?: number | undefined;
  /** When delivery is pointless, and then to return it or to go on and tell (RFC 2852). @default mode "return" */
  readonly deliverBy?: { readonly at: Date; readonly mode?: "return" | "notify" | undefined } | undefined;
}

/** Delivery status notifications (RFC 3461). */
export interface DsnInput {
  /** When each recipient's host should report: `NOTIFY=` (§4.1). @default left to the hosts: failure, perhaps delay */
  readonly notify?: Recipient["notify"] | undefined;
  /** How much of the mail a report of failure returns: `RET=` (§4.3). */
  readonly ret?: "full" | "hdrs" | undefined;
  /** Comes back in each report: `ENVID=` (§4.4). Up to 100 printable ASCII characters. */
  readonly envid?: string | undefined;
}

/** What the function of an attachment may give: a stream of either kind, any iterable of bytes, or all of them at once. */
export type ByteSource = AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string> | Uint8Array;

/** A file to attach, or a picture the HTML shows. */
export interface AttachmentInput {
  /**
   * The bytes, or the text as UTF-8. Never a path: `attachments: [await file(path)]` takes one. A function is called
   * for every attempt to send and opens a new stream each time. Bytes are not copied: do not change them afterwards.
   */
  readonly content: string | Uint8Array | ArrayBuffer | Blob | Content | (() => ByteSource | Promise<ByteSource>);
  /** The name the receiver sees; of a path only the last part is kept. @default the name of a `File` */
  readonly filename?: string | undefined;
  /** Media type with its parameters. @default what the Blob, else the file name says, else application/octet-stream */
  readonly type?: string | undefined;
  /** For HTML to refer to as `cid:…` (RFC 2392), without angle brackets. */
  readonly contentId?: string | undefined;
  /** Shown within the text instead of listed below it (RFC 2183 §2.1). @default true with a `contentId` */
  readonly inline?: boolean | undefined;
  /** How many bytes the stream of a function gives, where it is known. A stream that gives others fails the attempt. */
  readonly size?: number | undefined;
}

/** The same text in another form. */
export interface AlternativeInput {
  /** Media type with its parameters, e.g. `text/x-amp-html`; a string's charset is added. */
  readonly type: string;
  readonly content: string | Uint8Array;
}

/** An iCalendar object to act on (RFC 6047). */
export interface CalendarInput {
  /** The iCalendar text (RFC 5545). */
  readonly content: string;
  /** What to do with it, e.g. `REQUEST`; must agree with the text. @default what the text says in `METHOD:` */
  readonly method?: string | undefined;
}

/** Where a List-* field points: a URL (https, http or mailto), or several, the preferred first. */
export type ListLink = string | URL | readonly (string | URL)[];

/** Header fields of a mailing list. */
export interface ListInput {
  /** Its stable name: `news.example.org`, or with words for people `Shop news <news.example.org>` (RFC 2919). */
  readonly id?: string | undefined;
  /** How to leave it (RFC 2369 §3.2). */
  readonly unsubscribe?: string | URL | UnsubscribeInput | undefined;
  readonly help?: ListLink | undefined;
  readonly subscribe?: ListLink | undefined;
  /** Where to write to it; `false` where nobody may (RFC 2369 §3.4). */
  readonly post?: ListLink | false | undefined;
  readonly owner?: ListLink | undefined;
  readonly archive?: ListLink | undefined;
}

/** Ways to leave a list; give both where you can. */
export interface UnsubscribeInput {
  readonly url?: string | URL | undefined;
  /** An address, or a whole `mailto:` URL. */
  readonly mailto?: string | URL | undefined;
  /**
   * The https `url` unsubscribes at a POST without any further question (RFC 8058). Gmail and Yahoo require it of bulk
   * senders. @default false
   */
  readonly oneClick?: boolean | undefined;
}

/** What to change in a message. `undefined` takes a field away; `id` and `meta` stay what they are. */
export type Changes = Partial<Omit<Draft, "id" | "meta">>;

/** How `createMessage` decides what the draft leaves open. */
export interface CreateOptions {
  /** The current time. @default () => new Date() */
  readonly clock?: () => Date;
  /** A new unique token of letters, digits and hyphens, for the id and the Message-ID. @default a UUID of version 7 */
  readonly random?: () => string;
  /** The right side of Message-IDs. @default the author's domain */
  readonly hostname?: string;
  /** More recipients than this are refused. @default 10_000 */
  readonly maxRecipients?: number;
}
