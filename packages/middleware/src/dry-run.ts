import type { Content, Mail, Middleware, Rule, Rules } from "@postroad/core";
import { checkOptions, isFunction, receipt, Refusal, wrap } from "@postroad/core";
import { quietly } from "./quietly.ts";

export interface DryRunOptions {
  /** Whether to send nothing: of all mails, or of those for which a function says so. @default true */
  readonly when?: boolean | ((mail: Mail) => boolean);
  /** Told of every mail that was not sent. */
  readonly onMail?: (mail: Mail) => void;
}

const isWhen: Rule = (value) =>
  typeof value === "boolean" || typeof value === "function" ? undefined : "must be true, false or a function";
const rules: Rules<DryRunOptions> = { when: isWhen, onMail: isFunction };

/**
 * Accepts mail and does not send it. It says so: `by` is `dryRun`, and `ref` says "not sent". The content is read to
 * its end all the same, so that what cannot be read is found, and `check()` still asks the transport.
 */
export function dryRun(options: DryRunOptions = {}): Middleware {
  checkOptions("dryRun", options, rules);
  const { when = true, onMail } = options;
  const applies = typeof when === "function" ? when : () => when;
  return (next) =>
    wrap("dryRun", next, async (mail, sending) => {
      if (!applies(mail)) return next.send(mail, sending);
      await readThrough(mail.content, sending.signal);
      if (onMail !== undefined) quietly("onMail of dryRun", () => onMail(mail));
      return receipt(mail, { kind: "accepted", status: "2.0.0", by: "dryRun", ref: "not sent: dry run" });
    });
}

/** Throws a Refusal where the content cannot be read, or as soon as the signal aborts. */
async function readThrough(content: Content, signal: AbortSignal | undefined): Promise<void> {
  const aborted = Promise.withResolvers<never>();
  const stop = (): void => aborted.reject(new Refusal("4.3.2", "aborted", { phase: "body" }));
  // Nobody listens any more once the content has been read.
  aborted.promise.catch(() => undefined);
  signal?.addEventListener("abort", stop, { once: true });
  try {
    await Promise.race([readAllOf(content, signal), aborted.promise]);
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

async function readAllOf(content: Content, signal: AbortSignal | undefined): Promise<void> {
  try {
    for await (const _ of content.open()) if (signal?.aborted === true) return;
  } catch (cause) {
    throw new Refusal("4.3.0", "the content could not be read", { phase: "body", cause });
  }
}
