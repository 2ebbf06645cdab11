import type { Rules } from "@postroad/core";
import { checkOptions, isBoolean, isInteger, isObject, isString } from "@postroad/core";
import type { EnvelopeInput } from "./draft.ts";
import type { HeaderLimits } from "./raw-header.ts";

/** What to put right in a mail that would be refused otherwise. Nothing is repaired that is not asked for. */
export interface Repairs {
  /** Every bare CR and every bare LF becomes CRLF. @default false */
  readonly lineEnds?: boolean;
  /** A UTF-8 byte order mark at the start is dropped. @default false */
  readonly byteOrderMark?: boolean;
  /** The `From ` line with which an mbox file begins is dropped. @default false */
  readonly mboxLine?: boolean;
  /** A blank line is put before the first line that cannot be header. @default false */
  readonly blankLine?: boolean;
  /** Lines of a folded header field that hold only white space are dropped. @default false */
  readonly blankFolds?: boolean;
  /** Where there is no Date, or one that says no date and time, one with this time is put in front instead. */
  readonly date?: Date;
}

/** What `rawMail` takes besides the bytes. */
export interface RawMailOptions extends HeaderLimits {
  /** Who really sends and receives, where that differs from the header. */
  readonly envelope?: EnvelopeInput;
  /** The header may hold UTF-8 (RFC 6532); such a mail needs SMTPUTF8 all the way. @default false */
  readonly smtputf8?: boolean;
  readonly repair?: Repairs;
  /** Key of the log, the queue and idempotency: the same id is the same mail. @default random */
  readonly id?: string;
  /** Notes for the way (tenant, stream, traceparent). Survives a queue, is never on the wire. */
  readonly meta?: Readonly<Record<string, string>>;
  /** More recipients than this are refused. @default 10_000 */
  readonly maxRecipients?: number;
  /** Largest size of the mail in octets. @default no limit here; `file()` has its own */
  readonly maxSize?: number;
}

/** Throws a ConfigError for options that there are not, or that are of the wrong kind. */
export function checkRawOptions(options: RawMailOptions): void {
  checkOptions("rawMail", options, OPTIONS);
  if (options.repair !== undefined) checkOptions("rawMail repair", options.repair, REPAIRS);
}

const OPTIONS: Rules<RawMailOptions> = {
  envelope: isObject,
  smtputf8: isBoolean,
  repair: isObject,
  id: isString,
  meta: isObject,
  maxRecipients: isInteger(1),
  maxSize: isInteger(1),
  maxHeaderSize: isInteger(1),
  maxHeaderFields: isInteger(1),
};

const REPAIRS: Rules<Repairs> = {
  lineEnds: isBoolean,
  byteOrderMark: isBoolean,
  mboxLine: isBoolean,
  blankLine: isBoolean,
  blankFolds: isBoolean,
  date: (value) => (value instanceof Date && !Number.isNaN(value.getTime()) ? undefined : "must be a Date with a time"),
};
