import { contentOf } from "@postroad/core";
import assert from "node:assert/strict";
import type { Check } from "../check.ts";
import { turns } from "../check.ts";
import { BROKEN, gated } from "../mails.ts";
import type { StoreSuite } from "./bench.ts";
import { BYTES, START, assertRefused, bytesKept, entriesOf, entryOf, keysOf, storeCheck } from "./bench.ts";

const OTHER = new TextEncoder().encode("another content");

export const addingChecks: readonly Check<StoreSuite>[] = [
  storeCheck("has a name", [], async ({ store }) => {
    assert.equal(typeof store.name, "string");
    assert.notEqual(store.name, "");
  }),

  storeCheck("gives an entry as it was added", [], async ({ add, claim }) => {
    const entry = entryOf({
      envelope: { from: "", to: [{ address: "a@b", notify: ["delay"] }], smtputf8: true, dsn: { ret: "hdrs" } },
      meta: { traceparent: "00-1", stream: "news" },
      priority: -3,
      expiresAt: 4_000_000_000_000,
      series: "reset a@b",
      note: "a note",
      delayed: true,
      owed: [
        {
          recipient: { address: "c@d" },
          outcome: { kind: "rejected", status: "5.1.1", by: "x", recipient: "c@d", message: "no" },
          tries: 2,
        },
      ],
    });
    await add(entry);
    assert.deepEqual((await claim())[0]?.entry, entry);
  }),

  storeCheck("adds an entry once, however often it is added", [], async (bench) => {
    const { store, add, claim, settled } = bench;
    const entry = entryOf();
    assert.deepEqual(await add(entry), { added: [true], superseded: [] });
    const other = { ...entry, lane: "elsewhere" };
    assert.deepEqual(await settled("add", store.add([other], contentOf(OTHER))), { added: [false], superseded: [] });
    assert.deepEqual(
      (await claim()).map((lease) => lease.entry),
      [entry],
    );
    assert.equal(await bytesKept(bench), BYTES.byteLength, "the content of what was not added is kept");
  }),

  storeCheck("#58: adds an entry once of 50 adds at the same time", [], async ({ add, claim }) => {
    const entry = entryOf();
    const all = await Promise.all(Array.from({ length: 50 }, () => add(entry)));
    assert.equal(all.filter(({ added }) => added[0] === true).length, 1, "more than one add says it added it");
    assert.deepEqual(keysOf(await claim()), [entry.key]);
  }),

  storeCheck("adds what is new among what is known", [], async ({ add, claim }) => {
    const [known, fresh] = [entryOf(), entryOf()];
    await add(known);
    assert.deepEqual((await add(known, fresh, fresh)).added, [false, true, false]);
    assert.deepEqual(keysOf(await claim()), keysOf([known, fresh]));
  }),

  storeCheck("remembers the keys of what is finished", [], async (bench) => {
    const { store, add, claim, claimOne, settled } = bench;
    const [finished, cancelled] = [entryOf(), entryOf()];
    await add(finished);
    assert.equal(await settled("settle", store.settle(await claimOne(), null)), true);
    await add(cancelled);
    assert.equal(await store.change({ key: cancelled.key }, "cancel", START), 1);
    assert.deepEqual((await add(finished, cancelled)).added, [false, false]);
    assert.deepEqual(await claim(), []);
    assert.equal(await bytesKept(bench), 0);
  }),

  storeCheck("gives nothing of a mail before its add resolves", [], async ({ store, claim, settled }) => {
    const content = gated();
    const entries = entriesOf(3);
    const adding = store.add(entries, content.form(Buffer.from(BYTES)));
    await settled("reading the content", Promise.race([content.reached, adding]));
    assert.deepEqual(await claim(), [], "it was claimed before its content was read");
    assert.deepEqual(await store.list(), [], "it is listed before its content was read");
    content.release();
    await settled("add", adding);
    assert.deepEqual(keysOf(await claim()), keysOf(entries));
  }),

  ...Object.entries(BROKEN).map(([name, form]) =>
    storeCheck(`adds nothing of a mail whose content cannot be read: ${name}`, [], async (bench) => {
      const { store, add, claim } = bench;
      const entries = entriesOf(2);
      const large = Buffer.alloc(600_000, "x");
      for (const bytes of [Buffer.from(BYTES), large]) {
        await assertRefused(bench, "add", store.add(entries, form(bytes)));
        await assertRefused(bench, "add", store.add(entries, { ...form(bytes), size: 1_000_000 }));
      }
      assert.deepEqual(await claim(), []);
      assert.equal(await bytesKept(bench), 0);
      assert.deepEqual((await add(...entries)).added, [true, true], "its keys are known all the same");
    }),
  ),

  storeCheck("refuses content that is not as long as it says", [], async (bench) => {
    for (const size of [BYTES.byteLength - 1, BYTES.byteLength + 1]) {
      await assertRefused(bench, "add", bench.store.add([entryOf()], { size, open: () => [BYTES] }));
    }
    assert.deepEqual(await bench.claim(), []);
  }),

  storeCheck("#55: refuses times that are none", [], async (bench) => {
    for (const given of [{ dueAt: Number.NaN }, { createdAt: Number.POSITIVE_INFINITY }, { expiresAt: Number.NaN }]) {
      await assertRefused(bench, JSON.stringify(given), bench.add(entryOf(given)));
    }
    assert.deepEqual(await bench.store.list(), []);
  }),

  storeCheck("#16: takes any text as a key, a mail, a lane, a series and in meta", [], async ({ store, add, claim, settled }) => {
    const entries = ODD.map((text) => entryOf({ key: text, mail: text, lane: text, series: text, meta: { ...meta(text) } }));
    for (const entry of entries) assert.deepEqual((await add(entry)).added, [true], JSON.stringify(entry.key));
    for (const entry of entries) assert.deepEqual((await add(entry)).added, [false], JSON.stringify(entry.key));
    const leases = await claim();
    assert.deepEqual(
      leases.map(({ entry }) => entry).toSorted(byKey),
      entries.toSorted(byKey),
    );
    await settled("parking", store.park("__proto__", 0));
    const { lanes } = await store.stats(0);
    assert.deepEqual(lanes.map(({ lane }) => lane).toSorted(), [...ODD].toSorted());
    for (const lease of leases) assert.equal(await store.settle(lease, null), true);
    assert.deepEqual(await store.list(), []);
  }),

  storeCheck(
    "refuses with 4.3.1 what is too much, and keeps nothing of it",
    ["limits"],
    async (bench) => {
      const { store, add, claimOne, settled } = bench;
      await assertRefused(bench, "too many entries", add(...entriesOf(4)), /^4\.3\.1$/);
      await add(...entriesOf(2));
      await assertRefused(bench, "too many entries", add(...entriesOf(2)), /^4\.3\.1$/);
      await assertRefused(bench, "too many bytes", store.add([entryOf()], contentOf(Buffer.alloc(2000))), /^4\.3\.1$/);
      const unknown = { open: () => [Buffer.alloc(700), Buffer.alloc(700)] };
      await assertRefused(bench, "too many bytes", store.add([entryOf()], unknown), /^4\.3\.1$/);
      assert.equal(await bytesKept(bench), BYTES.byteLength);
      assert.equal((await store.list()).length, 2);
      await settled("settle", store.settle(await claimOne(), null));
      assert.deepEqual((await add(...entriesOf(2))).added, [true, true], "no room after one was finished");
    },
    { maxEntries: 3, maxBytes: 1000 },
  ),

  storeCheck("finishes an add under way before it is disposed", [], async ({ store, settled }) => {
    const content = gated();
    const adding = store.add([entryOf()], content.form(Buffer.from(BYTES)));
    await settled("reading the content", Promise.race([content.reached, adding]));
    let disposed = false;
    const disposing = store[Symbol.asyncDispose]().then(() => (disposed = true));
    await turns();
    const early = disposed;
    content.release();
    const outcome = await settled("add", adding.then(() => "added", () => "refused"));
    await settled("dispose", disposing);
    assert.ok(!early || outcome === "refused", "it was disposed, and the add under way resolved all the same");
  }),

  storeCheck("can be disposed twice, and refuses everything afterwards", [], async (bench) => {
    const { store, settled } = bench;
    await settled("dispose", Promise.all([store[Symbol.asyncDispose](), store[Symbol.asyncDispose]()]));
    await settled("the third dispose", store[Symbol.asyncDispose]());
    await assertRefused(bench, "add", bench.add(entryOf()));
    await assertRefused(bench, "claim", bench.claim());
    await assertRefused(bench, "stats", store.stats(0));
  }),
];

/** Texts that careless code takes for something else. */
const ODD: readonly string[] = [
  "__proto__",
  "constructor",
  "toString",
  "",
  " ",
  "'; DROP TABLE entries; --",
  "100%_\\",
  "a\0b",
  "\r\n\t",
  "Ünïcödé 日本語 📮",
  "e\u0301",
  "é",
  "../../etc/passwd",
  "x".repeat(2000),
];

function meta(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries([[text, text]]);
}

function byKey(a: { readonly key: string }, b: { readonly key: string }): number {
  return a.key < b.key ? -1 : 1;
}
