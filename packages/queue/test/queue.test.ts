import type { Mail, Recipient, Transport } from "@postroad/core";
import { ConfigError, Refusal, compose, contentOf, readAll, wrap } from "@postroad/core";
import { testTransport } from "@postroad/testing";
import { describe, expect, it, vi } from "vitest";
import type { Store } from "../src/index.ts";
import { memoryStore, queue, withQueueOptions } from "../src/index.ts";
import { START, bytes, mailTo, recorder } from "./support.ts";

testTransport({ name: "queue(memoryStore)", open: () => queue(memoryStore()), capabilities: ["reads", "aborts"] });

const now = (): number => START;

async function entriesIn(store: Store): Promise<Awaited<ReturnType<Store["list"]>>> {
  return store.list({ limit: 1000 });
}

describe("queue", () => {
  it("accepts with the key of the entry, which holds all there is to know", async () => {
    const store = memoryStore();
    const mail: Mail = { ...mailTo("ann@y.example"), meta: { tenant: "t" } };
    const { outcomes } = await queue(store, { now }).send(mail);
    const [entry] = await entriesIn(store);
    expect(outcomes).toEqual([{ kind: "accepted", status: "2.0.0", recipient: "ann@y.example", by: "queue(memory)", ref: entry?.key }]);
    expect(entry).toMatchObject({ mail: mail.id, envelope: mail.envelope, meta: { tenant: "t" }, lane: "y.example", priority: 0, size: bytes.byteLength });
    const [lease] = await store.claim({ now: START, limit: 1, perLane: 1, ttl: 1000 });
    expect(lease && (await readAll(store.read(lease)))).toEqual(bytes);
  });

  it("#55: a wall clock that is put back while it runs makes no new mail old", async () => {
    const store = memoryStore();
    const before = Date.now();
    const inbox = queue(store);
    const wall = vi.spyOn(Date, "now").mockReturnValue(0);
    await inbox.send(mailTo("ann@y.example"));
    wall.mockRestore();
    expect((await entriesIn(store))[0]?.agesFrom).toBeGreaterThanOrEqual(before - 1);
  });

  it("splits recipients by domain, in any spelling, and keeps the content once", async () => {
    const store = memoryStore();
    await queue(store).send(mailTo("a@Y.example", "b@bücher.example", "c@y.example", "d@xn--bcher-kva.example"));
    const entries = await entriesIn(store);
    expect(new Map(entries.map(({ lane, envelope }) => [lane, envelope.to.map(({ address }) => address)]))).toEqual(
      new Map([
        ["y.example", ["a@Y.example", "c@y.example"]],
        ["xn--bcher-kva.example", ["b@bücher.example", "d@xn--bcher-kva.example"]],
      ]),
    );
    expect((await store.stats(START)).bytes).toBe(bytes.byteLength);
  });

  it("splits a lane with many recipients", async () => {
    const store = memoryStore();
    const to = Array.from({ length: 250 }, (_, index) => `r${index}@y.example`);
    const { outcomes } = await queue(store).send(mailTo(...to));
    expect(outcomes.map(({ recipient }) => recipient)).toEqual(to);
    expect((await entriesIn(store)).map(({ envelope }) => envelope.to.length).toSorted((a, b) => a - b)).toEqual([50, 100, 100]);
  });

  it("#58: takes the same mail once, however often it is sent at once, and gives the same ref", async () => {
    const store = memoryStore();
    const transport = queue(store);
    const mail = mailTo("a@y.example", "b@z.example");
    const receipts = await Promise.all(Array.from({ length: 50 }, () => transport.send(mail)));
    expect(new Set(receipts.map((each) => JSON.stringify(each)))).toHaveLength(1);
    expect(await entriesIn(store)).toHaveLength(2);
  });

  it("takes wishes from the mail's notes", async () => {
    const store = memoryStore();
    const wishes = { sendAt: new Date(START + 1000), expiresAt: START + 2000, priority: 5, supersedes: "cart/ann", lane: "bulk" };
    await queue(store, { now }).send(withQueueOptions(mailTo("a@y.example", "b@z.example"), wishes));
    expect(await entriesIn(store)).toMatchObject([
      { lane: "bulk", dueAt: START + 1000, agesFrom: START + 1000, expiresAt: START + 2000, priority: 5, series: "cart/ann" },
    ]);
  });

  it("takes them from the envelope, and hands on no time that has passed (RFC 4865, RFC 6710, RFC 2852)", async () => {
    const store = memoryStore();
    const mail = mailTo("a@y.example");
    const envelope = { ...mail.envelope, holdUntil: START + 1000, priority: -3, deliverBy: { at: START + 2000, mode: "return" as const } };
    await queue(store, { now }).send({ ...mail, envelope });
    const [entry] = await entriesIn(store);
    expect(entry).toMatchObject({ dueAt: START + 1000, priority: -3, expiresAt: START + 2000 });
    expect(entry?.envelope).not.toHaveProperty("holdUntil");
  });

  it("keeps only the newest of a series", async () => {
    const store = memoryStore();
    const { onEvent, of } = recorder();
    const transport = queue(store, { onEvent });
    const [old, young] = [mailTo("a@y.example"), mailTo("a@y.example")].map((mail) => withQueueOptions(mail, { supersedes: "cart/a" }));
    const first = old && (await transport.send(old));
    if (young !== undefined) await transport.send(young);
    expect((await entriesIn(store)).map(({ mail }) => mail)).toEqual([young?.id]);
    expect(of("superseded")).toMatchObject([{ key: first?.outcomes[0]?.kind === "accepted" && first.outcomes[0].ref, by: young?.id }]);
    if (old !== undefined) await transport.send(old);
    expect((await entriesIn(store)).map(({ mail }) => mail)).toEqual([young?.id]);
    expect(of("accepted").map(({ known }) => known)).toEqual([false, false, true]);
  });

  it("rejects with 5.3.4 what is too large, also where the size is not known before", async () => {
    const transport = queue(memoryStore(), { maxSize: 10 });
    const mail = mailTo("a@y.example");
    for (const content of [contentOf(bytes), { open: () => [bytes] }, { open: () => stream() }]) {
      expect((await transport.send({ ...mail, content })).outcomes).toMatchObject([{ kind: "rejected", status: "5.3.4" }]);
    }
  });

  it("defers with 4.3.1 where the store is full, for nobody is half accepted", async () => {
    const store = memoryStore({ maxEntries: 1 });
    const { outcomes } = await queue(store).send(mailTo("a@y.example", "b@z.example"));
    expect(outcomes).toMatchObject([
      { kind: "deferred", status: "4.3.1" },
      { kind: "deferred", status: "4.3.1" },
    ]);
    expect(await entriesIn(store)).toEqual([]);
  });

  it("#52: is in doubt where a store breaks its contract, and certain where it refuses", async () => {
    const broken = (error: Error): Store => ({
      ...memoryStore(),
      async add() {
        throw error;
      },
    });
    const doubtful = await queue(broken(new Error("EIO"))).send(mailTo("a@y.example"));
    expect(doubtful.outcomes).toMatchObject([{ kind: "deferred", status: "4.3.0", uncertain: true }]);
    const certain = await queue(broken(new Refusal("4.3.0", "the disk is read-only"))).send(mailTo("a@y.example"));
    expect(certain.outcomes).toMatchObject([{ kind: "deferred", status: "4.3.0" }]);
    expect(certain.outcomes[0]).not.toHaveProperty("uncertain");
  });

  it("refuses wrong wishes, names and options where they are made", async () => {
    expect(() => withQueueOptions(mailTo("a@y.example"), { priority: 10 })).toThrow(ConfigError);
    expect(() => withQueueOptions(mailTo("a@y.example"), { supersedes: "a\r\nb" })).toThrow("without control characters");
    expect(() => withQueueOptions(mailTo("a@y.example"), { sendAt: 5, expiresAt: 5 })).toThrow("later than sendAt");
    expect(() => withQueueOptions(mailTo("a@y.example"), { sendAt: new Date(Number.NaN) })).toThrow("sendAt");
    expect(() => queue(memoryStore(), { maxSize: 0 })).toThrow(ConfigError);
    const broken: Mail = { ...mailTo("a@y.example"), meta: { "postroad.queue.sendAt": "soon" } };
    expect((await queue(memoryStore()).send(broken)).outcomes).toMatchObject([{ kind: "deferred", status: "4.3.5" }]);
    const long: Mail = { ...mailTo("a@y.example"), id: "x".repeat(1001) };
    expect((await queue(memoryStore()).send(long)).outcomes).toMatchObject([{ kind: "deferred", status: "4.3.5" }]);
  });

  it("defers with 4.3.5 where lane throws or gives no name, and names no address", async () => {
    const throwing = ({ address }: Recipient): string => {
      throw new Error(`no tenant of ${address}`);
    };
    for (const lane of [throwing, () => "", () => "a\nb"]) {
      const [outcome] = (await queue(memoryStore(), { lane }).send(mailTo("secret@y.example"))).outcomes;
      expect(outcome).toMatchObject({ kind: "deferred", status: "4.3.5", message: expect.stringContaining("recipient 1 of 1") });
      expect(outcome).toMatchObject({ message: expect.not.stringContaining("secret") });
    }
  });

  it("stands at the end of a pipeline, and leaves the store open", async () => {
    const store = memoryStore();
    const seen: string[] = [];
    const pipeline = compose(
      (next: Transport) =>
        wrap("seen", next, (mail: Mail, options) => {
          seen.push(mail.id);
          return next.send(mail, options);
        }),
      queue(store),
    );
    expect(pipeline.name).toBe("seen(queue(memory))");
    await pipeline.send(mailTo("a@y.example"));
    await pipeline[Symbol.asyncDispose]();
    expect(seen).toHaveLength(1);
    expect(await entriesIn(store)).toHaveLength(1);
    await store[Symbol.asyncDispose]();
    await expect(queue(store).check()).rejects.toBeInstanceOf(Refusal);
  });

  it("loses no mail to a listener that throws", async () => {
    const onEvent = (): void => {
      throw new Error("no log");
    };
    const warned = new Promise((resolve) => process.once("warning", resolve));
    const { outcomes } = await queue(memoryStore(), { onEvent }).send(mailTo("a@y.example"));
    expect(outcomes).toMatchObject([{ kind: "accepted" }]);
    expect(await warned).toMatchObject({ message: "onEvent threw: no log" });
  });
});

async function* stream(): AsyncIterable<Uint8Array> {
  yield bytes;
}
