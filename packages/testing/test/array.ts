import type { Content, ForAll, Mail, Outcome, Receipt, Transport } from "@postroad/core";
import { pick, receipt, transport } from "@postroad/core";
import type { ReceivedMail, TransportSuite } from "../src/index.ts";
import { readUnlessAborted } from "../src/fake/reading.ts";

/** What a mutant does in place of the right thing. */
export interface Habits {
  /** Where it hangs, so that the test need not wait long. */
  readonly patience?: number;
  readonly read?: (content: Content, signal: AbortSignal | undefined) => Promise<Uint8Array>;
  readonly verdict?: (address: string) => ForAll<Outcome>;
  /** Who gets it. */
  readonly deliver?: (to: readonly string[], content: Uint8Array, mail: Mail) => readonly ReceivedMail[];
  /** The last word on the receipt. */
  readonly tell?: (mail: Mail, got: Receipt, signal: AbortSignal | undefined) => Receipt;
  /** The last word on the transport. */
  readonly finish?: (right: Transport, received: ReceivedMail[]) => Transport;
}

export function verdictOn(address: string): ForAll<Outcome> {
  if (address.startsWith("rejected")) return { kind: "rejected", status: "5.1.1", by: "array", message: "no" };
  if (address.startsWith("deferred")) return { kind: "deferred", status: "4.2.2", by: "array", message: "later" };
  return { kind: "accepted", status: "2.0.0", by: "array" };
}

export async function readAllOf(content: Content): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content.open()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A transport into an array, right in every respect but those given. */
export function arraySuite(habits: Habits = {}): TransportSuite {
  const { read = readUnlessAborted, verdict = verdictOn, tell = (_, got) => got, finish = (right) => right } = habits;
  const { deliver = (to, content) => [{ to, content }] } = habits;
  return {
    capabilities: ["reads", "aborts", "rejects", "defers"],
    patience: habits.patience ?? 4000,
    open() {
      const received: ReceivedMail[] = [];
      const right = transport("array", async (mail: Mail, { signal }) => {
        const content = await read(mail.content, signal);
        const got = receipt(mail, ({ address }) => verdict(address));
        const to = pick(mail, got, ({ kind }) => kind === "accepted").map(({ address }) => address);
        if (to.length > 0) received.push(...deliver(to, content, mail));
        return tell(mail, got, signal);
      });
      return { transport: finish(right, received), received: () => received };
    },
  };
}
