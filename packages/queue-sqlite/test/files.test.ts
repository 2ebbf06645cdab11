import { ConfigError } from "@postroad/core";
import type { Store } from "@postroad/queue";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, readdir, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { sqliteStore } from "../src/index.ts";
import { START, bytesOf, entryOf, folder } from "./entries.ts";

/** Why the store cannot work with what is at this path; it must say so for everything, and be disposable. */
async function refusal(path: string): Promise<string> {
  await using store = sqliteStore(path, { busyTimeout: 100 });
  const error = await store.stats(START).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  await expect(store.add([entryOf()], bytesOf(1))).rejects.toMatchObject({ status: "4.3.0" });
  expect(error).toMatchObject({ status: "4.3.0", options: { phase: "store", advice: expect.any(String) } });
  return String(error);
}

async function filled(path: string, count: number): Promise<void> {
  await using store = sqliteStore(path);
  for (let number = 1; number <= count; number += 1) await store.add([entryOf()], bytesOf(number));
}

async function readFirst(store: Store): Promise<string> {
  const [lease] = await store.claim({ now: START, limit: 1, perLane: 1, ttl: 1000 });
  if (lease === undefined) return "nothing";
  try {
    for await (const _ of store.read(lease).open());
    return "whole";
  } catch (error) {
    return String(error);
  }
}

describe("sqliteStore", () => {
  it.for([
    ["", "is empty"],
    [":memory:", "memoryStore()"],
    ["file:mail.db", "is a URL"],
    ["spool/", "is a folder"],
    ["a\0b", "NUL"],
  ] as const)("refuses the path %j", ([path, problem]) => {
    expect(() => sqliteStore(path)).toThrow(ConfigError);
    expect(() => sqliteStore(path)).toThrow(problem);
  });

  it("refuses options that are wrong or unknown", () => {
    expect(() => sqliteStore("mail.db", { maxEntries: 0 })).toThrow(ConfigError);
    // @ts-expect-error JavaScript callers can pass anything
    expect(() => sqliteStore("mail.db", { maxEntrys: 2 })).toThrow("did you mean maxEntries");
  });

  it("#51: refuses a file that is no database, names it and leaves it as it is", async () => {
    await using place = await folder();
    const text = "These are notes, and no database at all.".repeat(100);
    await writeFile(place.path, text);
    expect(await refusal(place.path)).toContain(`${place.path} is no SQLite database`);
    expect(await readFile(place.path, "utf8")).toBe(text);
  });

  it("#51: refuses the database of another application, and leaves it as it is", async () => {
    await using place = await folder();
    const other = new DatabaseSync(place.path);
    other.exec("CREATE TABLE notes (text TEXT)");
    other.close();
    const before = await readFile(place.path);
    expect(await refusal(place.path)).toContain("another application's");
    expect(await readFile(place.path)).toEqual(before);
  });

  it("#51: refuses a file that a newer release wrote", async () => {
    await using place = await folder();
    await filled(place.path, 1);
    const newer = new DatabaseSync(place.path);
    newer.exec("PRAGMA user_version = 99");
    newer.close();
    expect(await refusal(place.path)).toContain("has version 99 of the schema");
  });

  it("#51: refuses a file that was cut short, whatever is left of it", async () => {
    await using place = await folder();
    await filled(place.path, 3);
    await truncate(place.path, 9000);
    expect(await refusal(place.path)).toMatch(/is damaged|malformed/);
  });

  it("#51: takes a file of no bytes for a new one", async () => {
    await using place = await folder();
    await writeFile(place.path, "");
    await filled(place.path, 1);
    await using store = sqliteStore(place.path);
    expect((await store.stats(START)).due).toBe(1);
  });

  it.skipIf(process.platform === "win32")("keeps mail from other users of the machine", async () => {
    await using place = await folder();
    await using store = sqliteStore(place.path);
    await store.add([entryOf()], bytesOf(1));
    for (const end of ["", "-wal", "-shm"]) expect((await stat(place.path + end)).mode & 0o777).toBe(0o600);
  });

  it("works beside a left-over that cannot be removed", async () => {
    await using place = await folder();
    const left = join(`${place.path}-contents`, "999999999-a.eml");
    await mkdir(left, { recursive: true });
    await using store = sqliteStore(place.path);
    expect((await store.add([entryOf()], bytesOf(1))).added).toEqual([true]);
  });

  it("says that the folder is missing, and works once it is there", async () => {
    await using place = await folder();
    const path = join(place.dir, "missing", "mail.db");
    expect(await refusal(path)).toContain(`${path} cannot be opened`);
    await using store = sqliteStore(path);
    await expect(store.stats(START)).rejects.toThrow("cannot be opened");
    await mkdir(join(place.dir, "missing"));
    expect((await store.add([entryOf()], bytesOf(1))).added).toEqual([true]);
  });

  it("#51: gives no content whose file was changed, cut or removed, and every other", async () => {
    await using place = await folder();
    for (const damage of ["changed", "cut", "removed"] as const) {
      await using store = sqliteStore(place.path);
      await store.add([entryOf({ lane: damage })], bytesOf(2));
      const contents = `${place.path}-contents`;
      const [file = ""] = await readdir(contents);
      if (damage === "changed") await writeFile(join(contents, file), Buffer.alloc(100_002, "x"));
      else if (damage === "cut") await truncate(join(contents, file), 50_000);
      else await rm(join(contents, file));
      expect(await readFirst(store)).toMatch(damage === "removed" ? /ENOENT/ : /not what was written/);
      await store.add([entryOf({ lane: "whole" })], bytesOf(2));
      expect(await readFirst(store)).toBe("whole");
      await store[Symbol.asyncDispose]();
      await using after = sqliteStore(place.path);
      await after.claim({ now: START + 5000, limit: 0, perLane: 0, ttl: 1 });
      expect(await after.change({ state: "ready" }, "cancel", START + 5000)).toBe(2);
    }
  });

  it("removes what a dead process left of a content, and leaves alone what it does not know", async () => {
    await using place = await folder();
    await filled(place.path, 2);
    const contents = `${place.path}-contents`;
    const [kept = ""] = await readdir(contents);
    const dead = spawn(process.execPath, ["-e", ""]);
    await once(dead, "exit");
    const left = [`${dead.pid}-a.tmp`, `${dead.pid}-b.eml`];
    const live = [`${process.pid}-c.tmp`, "notes.txt"];
    for (const name of [...left, ...live]) await writeFile(join(contents, name), "x");
    await writeFile(join(contents, `${process.pid}-old.eml`), "x");
    await utimes(join(contents, `${process.pid}-old.eml`), 1, 1);
    await using store = sqliteStore(place.path);
    await store.stats(START);
    expect((await readdir(contents)).toSorted()).toEqual([...live, kept].toSorted());
  });

  it("#53, #60: waits for another process that has the database locked, and says so where that takes too long", async () => {
    await using place = await folder();
    await filled(place.path, 1);
    await using store = sqliteStore(place.path, { busyTimeout: 50 });
    const other = new DatabaseSync(place.path);
    other.exec("BEGIN IMMEDIATE");
    await expect(store.add([entryOf()], bytesOf(1))).rejects.toThrow("is locked by another process");
    expect((await store.stats(START)).due).toBe(1);
    other.exec("ROLLBACK");
    expect((await store.add([entryOf()], bytesOf(1))).added).toEqual([true]);
    other.close();
  });

  it("refuses an entry that is no plain data, and keeps its lease", async () => {
    await using place = await folder();
    await using store = sqliteStore(place.path);
    await store.add([entryOf()], bytesOf(1));
    const [lease] = await store.claim({ now: START, limit: 1, perLane: 1, ttl: 1000 });
    if (lease === undefined) throw new Error("nothing was claimed");
    const circle: Record<string, string> = {};
    Reflect.set(circle, "self", circle);
    await expect(store.settle(lease, { ...lease.entry, meta: circle })).rejects.toMatchObject({ status: "4.3.0" });
    expect(await store.settle(lease, lease.entry)).toBe(true);
  });

  it.for([
    { priority: 10 },
    { priority: 0.5 },
    { state: "unknown" },
    { key: "lone \ud800 surrogate" },
    { attempts: -0.5 },
  ])("refuses what a database cannot keep as it is: %j", async (given) => {
    await using place = await folder();
    await using store = sqliteStore(place.path);
    const entry = JSON.parse(JSON.stringify({ ...entryOf(), ...given }));
    await expect(store.add([entry], bytesOf(2))).rejects.toMatchObject({ status: "4.3.0" });
    expect(await store.list()).toEqual([]);
  });
});
