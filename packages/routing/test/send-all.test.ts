import { ConfigError } from "@postroad/core";
import { fake } from "@postroad/testing";
import { describe, expect, it } from "vitest";
import type { Sent } from "../src/index.ts";
import { sendAll } from "../src/index.ts";
import { mailTo, people } from "./support.ts";

const [ANN, BOB] = people;

async function collect(sent: AsyncIterable<Sent>): Promise<readonly Sent[]> {
  const all = await Array.fromAsync(sent);
  return all.toSorted((a, b) => a.index - b.index);
}

describe("sendAll", () => {
  it("gives the receipt of each mail, and one bad mail stops nothing", async () => {
    const mails = [mailTo(ANN), mailTo(BOB), mailTo(ANN)];
    const sent = await collect(sendAll(fake({ [BOB]: "rejected" }), mails, { concurrency: 2 }));
    expect(sent.map(({ receipt }) => receipt?.outcomes[0]?.kind)).toEqual(["accepted", "rejected", "accepted"]);
    expect(sent.map(({ receipt }) => receipt?.mail)).toEqual(mails.map(({ id }) => id));
  });

  it("tells what a transport throws against the contract, and sends the rest", async () => {
    const inner = fake();
    const odd = { ...inner, send: (mail: ReturnType<typeof mailTo>) => (mail.meta.bad ? Promise.reject(new Error("bad")) : inner.send(mail)) };
    const sent = await collect(sendAll(odd, [{ ...mailTo(ANN), meta: { bad: "yes" } }, mailTo(ANN)]));
    expect(sent).toMatchObject([{ index: 0, error: { message: "bad" } }, { index: 1, receipt: {} }]);
  });

  it("sends thousands with a bounded number under way, from a source that is read no faster", async () => {
    let read = 0;
    let taken = 0;
    async function* source() {
      for (; read < 3000; read += 1) yield mailTo(ANN);
    }
    let most = 0;
    for await (const { receipt } of sendAll(fake({}, { read: false }), source(), { concurrency: 10 })) {
      taken += receipt === undefined ? 0 : 1;
      most = Math.max(most, read - taken);
    }
    expect(taken).toBe(3000);
    expect(most).toBeLessThanOrEqual(11);
  });

  it("hands on the signal, tells what was under way, then throws its reason", async () => {
    const next = fake();
    next.hold();
    const stop = new AbortController();
    const seen: Sent[] = [];
    const sending = (async () => {
      for await (const sent of sendAll(next, [mailTo(ANN), mailTo(ANN)], { concurrency: 1, signal: stop.signal })) seen.push(sent);
    })();
    await next.call(1);
    stop.abort(new Error("enough"));
    await expect(sending).rejects.toThrow("enough");
    expect(seen).toMatchObject([{ index: 0, receipt: { outcomes: [{ kind: "deferred" }] } }]);
    expect(next.calls).toHaveLength(1);
  });

  it("refuses options that are wrong before it takes a mail", () => {
    expect(() => sendAll(fake(), [], { concurrency: 0 })).toThrow(ConfigError);
  });
});
