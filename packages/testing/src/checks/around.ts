import type { Mail, Receipt, SendOptions, Transport } from "@postroad/core";
import type { Fake, FakeOptions, FakeScript } from "../fake/fake.ts";
import { fake } from "../fake/fake.ts";
import { assertReceipt } from "./asserts.ts";
import type { Capability, Check, Subject, TransportSuite } from "./check.ts";
import { within } from "./check.ts";

/** `resends`: it sends again to recipients that were deferred, at once or nearly so. */
export type MiddlewareCapability = "resends" | "rewrites";

export interface MiddlewareSuite {
  /** Title of the suite. */
  readonly name?: string;
  /** Puts the middleware around `next`, afresh for each check; waits and schedules as short as can be. */
  readonly open: (next: Transport) => Transport | Promise<Transport>;
  /** @default [] */
  readonly capabilities?: readonly MiddlewareCapability[];
  /** Milliseconds after which a call that does not settle counts as hanging. @default 4000 */
  readonly patience?: number;
}

const REJECTED = "rejected@example.net";
const DEFERRED = "deferred@example.net";
const THROUGH: readonly Capability[] = ["reads", "aborts", "rejects", "defers"];

/** What `transportChecks` need to run on the middleware around a fake. */
export function throughFake({ open, capabilities = [], ...rest }: MiddlewareSuite): TransportSuite {
  const rewrites: readonly Capability[] = capabilities.includes("rewrites") ? ["rewrites"] : [];
  return {
    ...rest,
    capabilities: [...THROUGH, ...rewrites],
    async open(): Promise<Subject> {
      const next = fake({ [REJECTED]: "rejected", [DEFERRED]: "deferred" });
      return { transport: await open(next), received: () => arrivedAt(next) };
    },
  };
}

function arrivedAt({ calls }: Fake): readonly { readonly to: readonly string[]; readonly content: Uint8Array }[] {
  return calls.flatMap(({ outcomes, bytes: content }) => {
    const to = (outcomes ?? []).filter(({ kind }) => kind === "accepted").map(({ recipient }) => recipient);
    return content !== undefined && to.length > 0 ? [{ to, content }] : [];
  });
}

/** The middleware around a fake, while a check looks at both. */
export interface Around {
  readonly next: Fake;
  readonly outer: Transport;
  /** Sends through the middleware, and holds the receipt against the contract. */
  readonly send: (mail: Mail, options?: SendOptions) => Promise<Receipt>;
  /** The same promise, but rejects where it takes longer than `patience`. */
  readonly settled: <T>(what: string, work: PromiseLike<T>) => Promise<T>;
}

/** A check that gets the middleware around a fresh fake; both are disposed whatever happens. */
export function middlewareCheck(
  name: string,
  needs: readonly MiddlewareCapability[],
  look: (around: Around) => Promise<void>,
  script: FakeScript = {},
  options: FakeOptions = {},
): Check<MiddlewareSuite> {
  return { name, needs, run: (suite) => around(suite, look, script, options) };
}

export async function around(
  suite: MiddlewareSuite,
  look: (around: Around) => Promise<void>,
  script: FakeScript = {},
  options: FakeOptions = {},
): Promise<void> {
  const next = fake(script, options);
  const outer = await suite.open(next);
  const settled: Around["settled"] = (what, work) => within(suite, what, work);
  async function send(mail: Mail, sendOptions?: SendOptions): Promise<Receipt> {
    const got = await settled("send", outer.send(mail, sendOptions));
    assertReceipt(mail, got);
    return got;
  }
  try {
    await look({ next, outer, send, settled });
  } finally {
    next.release();
    await settled("dispose", outer[Symbol.asyncDispose]());
  }
}
