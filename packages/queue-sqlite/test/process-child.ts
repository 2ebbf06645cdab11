import { writeSync } from "node:fs";
import { sqliteStore } from "../src/index.ts";
import { START, bytesOf, entryOf } from "./entries.ts";

// One of several processes on one file: adds, then claims and settles what anybody added, until nothing is left.
const [path = "", name = "", count = "0"] = process.argv.slice(2);
await using store = sqliteStore(path, { busyTimeout: 60_000 });
const adding = Array.from({ length: Number(count) }, (_, index) =>
  store.add([entryOf({ key: `${name}-${index}`, lane: `lane-${index % 7}` })], bytesOf(index)),
);
await Promise.all(adding);
for (let left = true; left; ) {
  for (const lease of await store.claim({ now: START, limit: 5, perLane: 100, ttl: 3_600_000 })) {
    if (await store.settle(lease, null)) writeSync(1, `${lease.entry.key}\n`);
  }
  const { due, leased } = await store.stats(START);
  left = due + leased > 0;
}
