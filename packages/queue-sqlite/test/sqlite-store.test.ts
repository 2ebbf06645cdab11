import { contentOf, readAll } from "@postroad/core";
import type { Entry } from "@postroad/queue";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { sqliteStore } from "../src/index.ts";
import { folder as newFolder } from "./entries.ts";

const entry: Entry = {
  key: "1 ann@example.net",
  mail: "1",
  envelope: { from: "shop@example.org", to: [{ address: "ann@example.net" }] },
  meta: { tenant: "shop" },
  lane: "example.net",
  priority: 0,
  state: "ready",
  createdAt: 1000,
  dueAt: 1000,
  agesFrom: 1000,
  attempts: 0,
  lapses: 0,
  last: [],
};

it("gives back what was added, after the file was closed and opened again", async () => {
  const folder = await mkdtemp(join(tmpdir(), "postroad-sqlite-"));
  const path = join(folder, "mail.db");
  try {
    await using first = sqliteStore(path);
    const added = await first.add([entry], contentOf(Buffer.from("Subject: Hello\r\n\r\n")));
    expect(added).toEqual({ added: [true], superseded: [] });
    await first[Symbol.asyncDispose]();
    await using second = sqliteStore(path);
    const [lease] = await second.claim({ now: 2000, limit: 10, perLane: 10, ttl: 1000 });
    expect(lease?.entry).toEqual(entry);
    if (lease === undefined) return;
    expect(Buffer.from(await readAll(second.read(lease))).toString()).toBe("Subject: Hello\r\n\r\n");
    expect(await second.settle(lease, null)).toBe(true);
    expect(await second.list()).toEqual([]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

it("keeps mail and its file where a watcher throws, who becomes a warning", async () => {
  await using place = await newFolder();
  await using store = sqliteStore(place.path);
  const warned = once(process, "warning");
  const end = store.watch(() => {
    throw new Error("not my day");
  });
  await store.add([entry], contentOf(Buffer.alloc(200_000, "x")));
  expect((await warned)[0]).toMatchObject({ message: "a watcher of the store threw: Error: not my day" });
  const [lease] = await store.claim({ now: 2000, limit: 1, perLane: 1, ttl: 60_000 });
  if (lease === undefined) throw new Error("nothing was claimed");
  expect((await readAll(store.read(lease))).byteLength).toBe(200_000);
  end();
});
