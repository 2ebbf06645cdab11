import type { Content } from "@postroad/core";
import { readAll } from "@postroad/core";
import assert from "node:assert/strict";
import type { Check } from "../check.ts";
import { FORMS } from "../mails.ts";
import type { StoreBench, StoreSuite } from "./bench.ts";
import { MINUTE, START, bytesKept, contentFrom, contentOfLease, entriesOf, entryOf, storeCheck } from "./bench.ts";

/** Bytes that do not repeat, so that a piece in the wrong place is noticed. */
function bytesOf(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0, value = size + 1; at < size; at += 1) {
    value = (value * 1_103_515_245 + 12_345) % 2_147_483_648;
    bytes[at] = value >> 16;
  }
  return bytes;
}

async function comesBack({ store, settled, claimOne, ...bench }: StoreBench, content: Content): Promise<void> {
  const before = Buffer.from(await readAll(content));
  await settled("add", store.add([entryOf()], content));
  const lease = await claimOne();
  for (const time of ["first", "second"]) {
    const got = await contentOfLease({ store, settled, claimOne, ...bench }, lease);
    assert.ok(got.equals(before), `other bytes came back the ${time} time: ${got.byteLength} of ${before.byteLength}`);
  }
  assert.equal(await store.settle(lease, null), true);
  assert.equal((await store.stats(START)).bytes, 0, "the content is kept after its last entry was finished");
}

const SIZES = [0, 1, 65_535, 65_536, 65_537, 300_000, 5_000_000];

export const contentChecks: readonly Check<StoreSuite>[] = [
  ...SIZES.map((size) =>
    storeCheck(`gives back a content of ${size} bytes`, [], (bench) => comesBack(bench, contentFrom(bytesOf(size), 100_000))),
  ),

  ...Object.entries(FORMS).map(([name, form]) =>
    storeCheck(`gives back a content in any form: ${name}`, [], (bench) => comesBack(bench, form(bytesOf(2000)))),
  ),

  storeCheck("gives back a content of 20,000 chunks", [], (bench) => comesBack(bench, contentFrom(bytesOf(100_000), 5))),

  storeCheck("keeps its own copy of the bytes", [], async (bench) => {
    for (const size of [100, 200_000]) {
      const bytes = bytesOf(size);
      const before = Buffer.from(bytes);
      await bench.store.add([entryOf()], { size, open: () => [bytes] });
      bytes.fill(0);
      const lease = await bench.claimOne();
      assert.ok((await contentOfLease(bench, lease)).equals(before), `${size} bytes were changed from outside`);
    }
  }),

  ...[1000, 200_000].map((size) =>
    storeCheck(`keeps one content of ${size} bytes for all its entries, until the last is finished`, [], async (bench) => {
      const { store, claim, settled } = bench;
      const bytes = bytesOf(size);
      await settled("add", store.add(entriesOf(5), contentFrom(bytes, size)));
      const leases = await claim();
      assert.equal(leases.length, 5);
      for (const lease of leases) {
        assert.equal(await bytesKept(bench), size);
        assert.ok((await contentOfLease(bench, lease)).equals(bytes));
        assert.equal(await store.settle(lease, null), true);
      }
      assert.equal(await bytesKept(bench), 0);
    }),
  ),

  storeCheck("reads many contents at the same time", [], async (bench) => {
    const all = Array.from({ length: 20 }, (_, index) => bytesOf(index % 2 === 0 ? 500 + index : 150_000 + index));
    const entries = entriesOf(20);
    await Promise.all(entries.map((entry, index) => bench.store.add([entry], contentFrom(all[index] ?? Buffer.alloc(0), 9000))));
    const leases = await bench.claim();
    const read = await Promise.all(leases.map((lease) => contentOfLease(bench, lease)));
    for (const [index, lease] of leases.entries()) {
      const own = all[entries.findIndex(({ key }) => key === lease.entry.key)];
      assert.ok(own !== undefined && read[index]?.equals(own), `${lease.entry.key} has another content`);
    }
  }),

  storeCheck("reads with a lease that was copied", [], async (bench) => {
    for (const size of [100, 200_000]) {
      const bytes = bytesOf(size);
      await bench.store.add([entryOf()], contentFrom(bytes, size));
      const copy = structuredClone(await bench.claimOne());
      assert.ok((await contentOfLease(bench, copy)).equals(bytes));
    }
  }),

  storeCheck("gives back a content after a lease has run out", [], async (bench) => {
    const bytes = bytesOf(200_000);
    await bench.store.add([entryOf()], contentFrom(bytes, 200_000));
    await bench.claimOne();
    const lease = await bench.claimOne({ now: START + MINUTE });
    assert.ok((await contentOfLease(bench, lease)).equals(bytes));
  }),
];
