import type { Status } from "@postroad/core";

/** What is wrong with one part of a draft or a raw mail. */
export interface MessageIssue {
  /** Where: `to[1]`, `headers.X-Campaign`, `attachments[0].filename`, `line 17`. */
  readonly path: string;
  /** What was given and what to do instead. Control characters are shown escaped. */
  readonly message: string;
  /** The RFC 3463 status a server would answer with: 5.1.3 for an address, 5.6.x for content. */
  readonly status: Status<5>;
}

const brand = Symbol.for("postroad.MessageError");

/** A draft or raw mail that must not travel as it is. Thrown before anything is sent; lists every fault found. */
export class MessageError extends Error {
  readonly issues: readonly [MessageIssue, ...MessageIssue[]];

  constructor(issues: readonly [MessageIssue, ...MessageIssue[]]) {
    super(issues.map(({ path, message }) => `${path}: ${message}`).join("; "));
    this.name = "MessageError";
    this.issues = issues;
    Object.defineProperty(this, brand, { value: true });
  }

  /** Holds across two copies of this package; subclasses keep the language's own meaning. */
  static override [Symbol.hasInstance](value: unknown): value is MessageError {
    if (this !== MessageError) return Function.prototype[Symbol.hasInstance].call(this, value);
    return typeof value === "object" && value !== null && brand in value;
  }
}
