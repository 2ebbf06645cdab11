import type { Entry } from "@postroad/queue";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { openDatabase } from "../src/engine/database.ts";
import { engineOn } from "../src/engine/engine.ts";
import { runBatch } from "../src/engine/batch.ts";
import { draftOf, entryOf as read } from "../src/rows.ts";
import { entryOf, folder } from "./entries.ts";

const text = fc.string({ unit: "binary", maxLength: 40 }).filter((value) => value.isWellFormed());
const time = fc.integer({ min: -8_640_000_000_000, max: 8_640_000_000_000_000 });

const entries: fc.Arbitrary<Entry> = fc
  .record(
    {
      mail: text,
      lane: text,
      priority: fc.integer({ min: -9, max: 9 }),
      state: fc.constantFrom("ready", "held", "dead"),
      createdAt: time,
      dueAt: time,
      agesFrom: time,
      expiresAt: time,
      series: text,
      attempts: fc.nat(),
      lapses: fc.nat(),
      note: text,
      delayed: fc.boolean(),
      meta: fc.dictionary(text, fc.string()),
      envelope: fc.record({ from: text, to: fc.array(fc.record({ address: fc.string() }), { maxLength: 5 }) }),
    },
    { requiredKeys: [] },
  )
  .map((given) => entryOf(given));

it("gives back every entry as it was written, whatever is in it", async () => {
  await using place = await folder();
  const settings = { path: place.path, folder: place.dir, maxEntries: 10_000, maxBytes: 10_000, remember: 0, busyTimeout: 1000 };
  const engine = engineOn(openDatabase(settings), settings);
  engine.sql.exec("PRAGMA synchronous = OFF");
  try {
    fc.assert(
      fc.property(entries, (entry) => {
        const body = { data: new Uint8Array(0) };
        const add = { verb: "add", request: { rows: [draftOf(entry)], size: 0, crc: 0, body } } as const;
        const list = { verb: "list", request: { key: entry.key } } as const;
        const [, listed] = runBatch(engine, [add, list]).answers;
        if (listed?.verb !== "list") throw new Error(JSON.stringify(listed));
        const [found] = listed.answer;
        const { leased: _, size: __, ...row } = found ?? { leased: false, size: 0 };
        expect("key" in row && read(row)).toEqual(JSON.parse(JSON.stringify(entry)));
      }),
    );
  } finally {
    engine.sql.close();
  }
});
