import type { Mail, Middleware, Outcome, Rules } from "@postroad/core";
import { checkOptions, ConfigError, isFunction, isOneOf, wrap } from "@postroad/core";
import { quietly } from "./quietly.ts";

/** One outcome as a line of a log. What there is nothing to say about is left out. */
export interface LogLine {
  /** Id of the mail. */
  readonly mail: string;
  /** The reverse-path. */
  readonly from: string;
  readonly recipient: string;
  readonly kind: Outcome["kind"];
  /** Enhanced status code (RFC 3463). */
  readonly status: string;
  /** Name of the transport that says so. */
  readonly by: string;
  readonly remote?: string;
  readonly ref?: string;
  /** Code of the reply. */
  readonly code?: number;
  /** What was said, or why it failed. May hold anything the other side likes: escape it. */
  readonly message?: string;
  readonly phase?: string;
  readonly uncertain?: boolean;
  /** Milliseconds to wait before the next attempt. */
  readonly retryAfter?: number;
  /** Milliseconds that the send took. */
  readonly took: number;
}

export interface TapOptions {
  /**
   * Write addresses as they are, or their domains alone: `@example.net`. Then `message` is left out too, as replies
   * like to repeat addresses. @default "full"
   */
  readonly addresses?: "full" | "domain";
  /** Milliseconds. @default performance.now */
  readonly clock?: () => number;
}

const rules: Rules<TapOptions> = { addresses: isOneOf("full", "domain"), clock: isFunction };

/** Gives every outcome to `log`. Changes nothing; what `log` throws becomes a warning of the process. */
export function tap(log: (line: LogLine) => void, options: TapOptions = {}): Middleware {
  const message = isFunction(log);
  if (message !== undefined) throw new ConfigError("tap", [{ path: "log", message }]);
  checkOptions("tap", options, rules);
  const { addresses = "full", clock = () => performance.now() } = options;

  function tell(line: LogLine): void {
    quietly("the log of tap", () => log(addresses === "full" ? line : withoutAddresses(line)));
  }

  return (next) =>
    wrap("tap", next, async (mail, sending) => {
      const started = clock();
      const report = await next.send(mail, sending);
      const took = Math.round(clock() - started);
      for (const outcome of report.outcomes) tell(lineOf(mail, outcome, took));
      return report;
    });
}

function lineOf({ id, envelope }: Mail, outcome: Outcome, took: number): LogLine {
  const { recipient, kind, status, by, remote, reply } = outcome;
  const message = kind === "accepted" ? reply?.text : (reply?.text ?? outcome.message);
  const line = { mail: id, from: envelope.from, recipient, kind, status, by, remote, code: reply?.code, message, took };
  if (outcome.kind === "accepted") return defined({ ...line, ref: outcome.ref });
  const { diagnosis } = outcome;
  const later = outcome.kind === "deferred" ? { uncertain: outcome.uncertain, retryAfter: outcome.retryAfter } : {};
  return defined({ ...line, phase: diagnosis?.phase, ...later });
}

type Defined<T> = { readonly [K in keyof T]: Exclude<T[K], undefined> };

/** Without what is undefined: in a log that is noise. */
function defined<T extends object>(line: T): Defined<T>;
function defined(line: object): object {
  return Object.fromEntries(Object.entries(line).filter(([, value]) => value !== undefined));
}

function withoutAddresses(line: LogLine): LogLine {
  const { message: _, ...rest } = line;
  return { ...rest, from: domainOf(line.from), recipient: domainOf(line.recipient) };
}

function domainOf(address: string): string {
  return address.slice(Math.max(0, address.lastIndexOf("@")));
}
