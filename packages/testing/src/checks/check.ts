import type { Mail, Transport } from "@postroad/core";
import { setImmediate as turn } from "node:timers/promises";

/**
 * What a transport can do beyond the contract's minimum; checks that need more than is declared are left out.
 * - `reads`: it reads the content of a mail before it accepts it.
 * - `aborts`: it stops when the signal aborts while it reads the content.
 * - `rejects`, `defers`: it rejects or defers the recipient that `recipients` names for it.
 * - `rewrites`: it hands on other bytes than it took; the same ones for the same mail, though.
 */
export type Capability = "reads" | "aborts" | "rejects" | "defers" | "rewrites";

/** A mail as it arrived on the other side. */
export interface ReceivedMail {
  readonly to: readonly string[];
  readonly content: Uint8Array;
}

/** A transport with what is known of its other side. */
export interface Subject extends Partial<AsyncDisposable> {
  readonly transport: Transport;
  /** Everything that has arrived; lets the checks compare bytes and recipients. */
  readonly received?: () => readonly ReceivedMail[] | Promise<readonly ReceivedMail[]>;
}

export interface TransportSuite {
  /** Title of the suite. */
  readonly name?: string;
  /** A fresh transport for each check. The suite disposes it, and then the subject where it can be disposed. */
  readonly open: () => Transport | Subject | Promise<Transport | Subject>;
  /** @default [] */
  readonly capabilities?: readonly Capability[];
  /** Reverse-path of the mails. @default "sender@example.org" */
  readonly from?: string;
  /** Whom to send to. */
  readonly recipients?: {
    /** Addresses that are accepted, a different one for each number. @default recipient0@example.net and so on */
    readonly accepted?: (index: number) => string;
    /** An address that is rejected. @default "rejected@example.net" */
    readonly rejected?: string;
    /** An address that is deferred. @default "deferred@example.net" */
    readonly deferred?: string;
  };
  /** Milliseconds after which a call that does not settle counts as hanging. @default 4000 */
  readonly patience?: number;
}

/** One rule of the contract. Runs anywhere; it rejects where the rule is broken. */
export interface Check<Suite extends { readonly capabilities?: readonly string[] }> {
  readonly name: string;
  /** Left out where one of these was not declared. */
  readonly needs: NonNullable<Suite["capabilities"]>;
  readonly run: (suite: Suite) => Promise<void>;
  /** Milliseconds it may take, where it takes longer than others: it starts processes. */
  readonly timeout?: number;
}

/** What a check of a transport works with. */
export interface Bench {
  readonly transport: Transport;
  /** Undefined where the other side keeps no record. */
  readonly received: (() => Promise<readonly ReceivedMail[]>) | undefined;
  /** The same promise, but rejects where it takes longer than `patience`. */
  readonly settled: <T>(what: string, work: PromiseLike<T>) => Promise<T>;
  readonly accepted: (index: number) => string;
  readonly rejected: string;
  readonly deferred: string;
  readonly from: string;
  readonly has: (capability: Capability) => boolean;
}

/** A check that gets a fresh transport, which is disposed whatever happens. */
export function transportCheck(
  name: string,
  needs: readonly Capability[],
  body: (bench: Bench) => Promise<void>,
): Check<TransportSuite> {
  return {
    name,
    needs,
    async run(suite) {
      const opened = await suite.open();
      const subject: Subject = "send" in opened ? { transport: opened } : opened;
      try {
        await body(benchOf(suite, subject));
        await within(suite, "dispose", subject.transport[Symbol.asyncDispose]());
      } finally {
        await subject[Symbol.asyncDispose]?.();
      }
    },
  };
}

/** What a check finds on its bench when it works on this transport. */
function benchOf(suite: TransportSuite, { transport, received }: Subject): Bench {
  const { recipients = {}, capabilities = [] } = suite;
  return {
    transport,
    received: received && (async () => received()),
    settled: (what, work) => within(suite, what, work),
    accepted: recipients.accepted ?? ((index) => `recipient${index}@example.net`),
    rejected: recipients.rejected ?? "rejected@example.net",
    deferred: recipients.deferred ?? "deferred@example.net",
    from: suite.from ?? "sender@example.org",
    has: (capability) => capabilities.includes(capability),
  };
}

export async function within<T>(suite: { readonly patience?: number }, what: string, work: PromiseLike<T>): Promise<T> {
  const { patience = 4000 } = suite;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not settle within ${patience} ms`)), patience);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** Lets everything that is due in this process happen. */
export async function turns(count: number = 20): Promise<void> {
  for (let index = 0; index < count; index += 1) await turn();
}

/**
 * A transport of plain mail around one that takes more, such as a provider that takes a Message; `compose` makes
 * what it takes, and must keep id, envelope and meta.
 */
export function taking<M extends Mail>(transport: Transport<M>, compose: (mail: Mail) => M): Transport {
  return {
    name: transport.name,
    send: (mail, options) => transport.send(compose(mail), options),
    check: (options) => transport.check(options),
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  };
}
