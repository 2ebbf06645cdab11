import type { Accepted, Deferred, ForAll, Mail, Outcome, Recipient, Rejected, Transport } from "@postroad/core";
import { mailboxKey, receipt, transport } from "@postroad/core";
import type { Deferral } from "../deferral.ts";
import { deferral } from "../deferral.ts";
import { readUnlessAborted, unlessAborted } from "./reading.ts";

type Some<O extends Outcome> = Pick<O, "kind"> & Partial<ForAll<O>>;

/** What to say of a recipient: a kind, `"uncertain"` for deferred in doubt, or an outcome with the facts that matter. */
export type FakeVerdict = Outcome["kind"] | "uncertain" | Some<Accepted> | Some<Deferred> | Some<Rejected>;

/**
 * Verdicts by address. A list gives one per attempt of a mail, its last one stays; who is not listed is accepted.
 *
 * `fake({ "b@x": ["deferred", "accepted"], "c@x": { kind: "rejected", status: "5.1.1" } })`
 */
export type FakeScript = Readonly<Record<string, FakeVerdict | readonly FakeVerdict[]>>;

export interface FakeOptions {
  /** @default "fake" */
  readonly name?: string;
  /** Read the content and keep it in `bytes` of the call. @default true */
  readonly read?: boolean;
  /** Runs in each send, before the verdicts. What it throws, `send` throws: a Refusal is a verdict, all else a bug. */
  readonly before?: (call: FakeCall) => void | Promise<void>;
  /** Runs in each check; throw a Refusal for "not now". By default every check passes. */
  readonly check?: () => void | Promise<void>;
}

/** One call of `send`, as the fake saw it. */
export interface FakeCall {
  /** Id of the mail. */
  readonly id: string;
  /** Addresses of the envelope, in its order. */
  readonly recipients: readonly string[];
  readonly mail: Mail;
  readonly meta: Mail["meta"];
  readonly signal: AbortSignal | undefined;
  /** The content, once it has been read. */
  readonly bytes: Uint8Array | undefined;
  /** The outcomes, once they were given; undefined too where `before` threw or the signal aborted. */
  readonly outcomes: readonly Outcome[] | undefined;
}

/** A transport that does as its script says and remembers everything. */
export interface Fake extends Transport {
  readonly calls: readonly FakeCall[];
  /** How often `check` was asked. */
  readonly checks: number;
  /** How often it was disposed: an owner does it once. */
  readonly disposed: number;
  /** The call with this number, from 1, as soon as it has begun. */
  call(number: number): Promise<FakeCall>;
  /** From now on sends wait, having read the content, until `release` or their signal aborts. */
  hold(): void;
  /** Lets all that wait go on, and those to come. */
  release(): void;
}

/** A transport for tests of what wraps, routes or drains into one. */
export function fake(script: FakeScript = {}, options: FakeOptions = {}): Fake {
  const { name = "fake", read = true } = options;
  const calls: Writable<FakeCall>[] = [];
  const waiting = new Map<number, Deferral<FakeCall>>();
  const attempts = attemptCounter();
  const verdicts = new Map(Object.entries(script).map(([address, verdict]) => [mailboxKey(address), [verdict].flat()]));
  let gate: Deferral<void> | undefined;
  let checks = 0;
  let disposed = 0;

  function begin(mail: Mail, signal: AbortSignal | undefined): Writable<FakeCall> {
    const recipients = mail.envelope.to.map(({ address }) => address);
    const call = { id: mail.id, recipients, mail, meta: mail.meta, signal, bytes: undefined, outcomes: undefined };
    calls.push(call);
    awaited(calls.length).resolve(call);
    return call;
  }

  function awaited(number: number): Deferral<FakeCall> {
    const known = waiting.get(number) ?? deferral();
    waiting.set(number, known);
    return known;
  }

  function verdictFor(mail: Mail, { address }: Recipient): ForAll<Outcome> {
    const list = verdicts.get(mailboxKey(address)) ?? ["accepted" as const];
    const attempt = attempts.next(`${mail.id} ${mailboxKey(address)}`);
    return outcomeOf(list[Math.min(attempt, list.length - 1)] ?? "accepted", name);
  }

  const inner = transport(
    name,
    async (mail: Mail, { signal }) => {
      const call = begin(mail, signal);
      if (read) call.bytes = await readUnlessAborted(mail.content, signal);
      await options.before?.(call);
      if (gate !== undefined) await unlessAborted(gate.promise, signal);
      const got = receipt(mail, (to) => verdictFor(mail, to));
      call.outcomes = got.outcomes;
      return got;
    },
    {
      async check() {
        checks += 1;
        await options.check?.();
      },
    },
  );

  return {
    ...inner,
    calls,
    get checks() {
      return checks;
    },
    get disposed() {
      return disposed;
    },
    call: (number) => awaited(number).promise,
    hold: () => void (gate ??= deferral()),
    release() {
      gate?.resolve();
      gate = undefined;
    },
    [Symbol.asyncDispose]() {
      disposed += 1;
      return inner[Symbol.asyncDispose]();
    },
  };
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Counts from 0 for each key. */
function attemptCounter(): { next(key: string): number } {
  const counts = new Map<string, number>();
  return {
    next(key) {
      const count = counts.get(key) ?? 0;
      counts.set(key, count + 1);
      return count;
    },
  };
}

function outcomeOf(verdict: FakeVerdict, by: string): ForAll<Outcome> {
  if (verdict === "uncertain") return outcomeOf({ kind: "deferred", uncertain: true }, by);
  const given = typeof verdict === "string" ? { kind: verdict } : verdict;
  if (given.kind === "accepted") return { by, status: "2.0.0", ...given, kind: "accepted" };
  const message = `${given.kind} by script`;
  if (given.kind === "deferred") return { by, status: "4.0.0", message, ...given, kind: "deferred" };
  return { by, status: "5.0.0", message, ...given, kind: "rejected" };
}
