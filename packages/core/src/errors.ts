import type { Deferred, Diagnosis, ForAll, Outcome, Receipt, Rejected, Reply, Status } from "./outcome.ts";

/** Further facts a Refusal may carry. */
export interface RefusalOptions extends Omit<Diagnosis, "cause"> {
  /** The reply that led to it. */
  readonly reply?: Reply;
  /** The host that refused. */
  readonly remote?: string;
  /** Milliseconds to wait before the next attempt. Only with a 4.x.x status. */
  readonly retryAfter?: number;
  /** The other side may have accepted the mail all the same. Only with a 4.x.x status. */
  readonly uncertain?: boolean;
  readonly cause?: unknown;
}

/**
 * Makes `instanceof` hold across two copies of this package: both brand with the same registered symbol.
 * Subclasses keep the language's own meaning.
 */
function isBranded(constructor: object, base: object, brand: string, value: unknown): boolean {
  if (constructor !== base) return Function.prototype[Symbol.hasInstance].call(constructor, value);
  return typeof value === "object" && value !== null && Symbol.for(brand) in value;
}

function applyBrand(error: Error, brand: string): void {
  error.name = brand.slice("postroad.".length);
  Object.defineProperty(error, Symbol.for(brand), { value: true });
}

/** Thrown inside a transport: this verdict for every recipient of the mail in hand. */
export class Refusal extends Error {
  readonly status: Status<4 | 5>;
  readonly options: Omit<RefusalOptions, "cause">;

  constructor(status: Status<4 | 5>, message: string, options: RefusalOptions = {}) {
    const { cause, ...rest } = options;
    super(message, cause === undefined ? undefined : { cause });
    applyBrand(this, "postroad.Refusal");
    this.status = status;
    this.options = rest;
  }

  static override [Symbol.hasInstance](value: unknown): value is Refusal {
    return isBranded(this, Refusal, "postroad.Refusal", value);
  }
}

/** The outcome a Refusal stands for, in the name of the transport `by`. */
export function verdictOf(refusal: Refusal, by: string): ForAll<Deferred> | ForAll<Rejected> {
  const { reply, remote, retryAfter, uncertain, ...people } = refusal.options;
  const diagnosis: Diagnosis = refusal.cause === undefined ? people : { ...people, cause: refusal.cause };
  const facts = {
    by,
    message: refusal.message,
    ...(remote !== undefined && { remote }),
    ...(reply !== undefined && { reply }),
    ...(Object.keys(diagnosis).length > 0 && { diagnosis }),
  };
  const { status } = refusal;
  if (isPermanent(status)) return { kind: "rejected", status, ...facts };
  return {
    kind: "deferred",
    status,
    ...facts,
    ...(retryAfter !== undefined && { retryAfter }),
    ...(uncertain !== undefined && { uncertain }),
  };
}

function isPermanent(status: Status<4 | 5>): status is Status<5> {
  return status.startsWith("5.");
}

/** Thrown at the application's edge when not every recipient was accepted; carries the whole receipt. */
export class DeliveryError extends Error {
  readonly receipt: Receipt;

  constructor(receipt: Receipt) {
    const failed = receipt.outcomes.filter((outcome) => outcome.kind !== "accepted");
    super(`${failed.length} of ${receipt.outcomes.length} recipients not accepted: ${summary(failed)}`);
    applyBrand(this, "postroad.DeliveryError");
    this.receipt = receipt;
  }

  static override [Symbol.hasInstance](value: unknown): value is DeliveryError {
    return isBranded(this, DeliveryError, "postroad.DeliveryError", value);
  }
}

const SHOWN = 3;

function summary(failed: readonly Outcome[]): string {
  const lines = failed.slice(0, SHOWN).map((outcome) => {
    const why = outcome.kind === "accepted" ? "" : outcome.message;
    return `${outcome.recipient} ${outcome.kind} ${outcome.status} ${why}`;
  });
  return lines.join("; ") + (failed.length > SHOWN ? `; and ${failed.length - SHOWN} more` : "");
}

/** What is wrong with one option: where, and what to do instead. */
export interface ConfigIssue {
  readonly path: string;
  readonly message: string;
}

/** A wrong option, found when the pipeline is built; names the option, what was given, and the nearest right one. */
export class ConfigError extends Error {
  readonly issues: readonly ConfigIssue[];

  constructor(subject: string, issues: readonly ConfigIssue[]) {
    super(`${subject}: ${issues.map(({ path, message }) => (path ? `${path} ${message}` : message)).join("; ")}`);
    applyBrand(this, "postroad.ConfigError");
    this.issues = issues;
  }

  static override [Symbol.hasInstance](value: unknown): value is ConfigError {
    return isBranded(this, ConfigError, "postroad.ConfigError", value);
  }
}
