import type { Mail } from "@postroad/core";
import { contentOf, envelope, receipt, transport } from "@postroad/core";
import type { QueueEvent } from "@postroad/queue";
import { drain, queue } from "@postroad/queue";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as wait } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { sqliteStore } from "../src/index.ts";
import { draftOf } from "../src/rows.ts";
import { threadOf } from "../src/thread.ts";
import { START, bytesOf, entryOf, folder } from "./entries.ts";

/** The thread that is started next in this process. */
function nextThread(): Promise<Worker> {
  return new Promise((resolve) => process.once("worker", resolve));
}

describe("the thread with the database", () => {
  it("begins with what is enough for a commit while the event loop still prepares the rest", async () => {
    await using place = await folder();
    const limits = { maxEntries: 1000, maxBytes: 1_000_000, remember: 0, busyTimeout: 1000 };
    const thread = threadOf({ path: place.path, folder: place.dir, ...limits }, { removed() {}, changed() {} });
    await thread.ask({ verb: "nextDue", request: {} });
    const add = (): Promise<unknown> =>
      thread.ask({ verb: "add", request: { rows: [draftOf(entryOf())], size: 3, crc: 0, body: { data: new Uint8Array(3) } } });
    const asked = Array.from({ length: 40 }, add);
    const other = new DatabaseSync(place.path);
    const count = other.prepare("SELECT count(*) AS entries FROM entries");
    // The event loop has no turn in between.
    const end = performance.now() + 30_000;
    while (count.get()?.entries === 0 && performance.now() < end);
    expect(count.get()).toEqual({ entries: 32 });
    await Promise.all(asked);
    expect(count.get()).toEqual({ entries: 40 });
    other.close();
    await thread.close();
  });

  it("that dies fails what was asked of it as uncertain, and another does what comes next", async () => {
    await using place = await folder();
    await using store = sqliteStore(place.path, { busyTimeout: 1000 });
    const thread = nextThread();
    await store.add([entryOf({ key: "before" })], bytesOf(1));
    // While another process has the lock, what is asked is under way.
    const other = new DatabaseSync(place.path);
    other.exec("BEGIN IMMEDIATE");
    const settled = Promise.allSettled([store.add([entryOf({ key: "lost" })], bytesOf(1))]);
    await wait(50);
    const waiting = store.add([entryOf({ key: "waiting" })], bytesOf(1));
    await (await thread).terminate();
    const reason = { status: "4.3.0", options: { uncertain: true }, message: expect.stringContaining("the thread with the database died") };
    expect(await settled).toMatchObject([{ status: "rejected", reason }]);
    other.exec("ROLLBACK");
    other.close();
    expect((await waiting).added).toEqual([true]);
    expect((await store.add([entryOf({ key: "after" })], bytesOf(1))).added).toEqual([true]);
    const keys = (await store.list()).map(({ key }) => key);
    expect(keys).toEqual(expect.arrayContaining(["after", "before", "waiting"]));
  });

  it("that dies costs a worker nothing but time", async () => {
    await using place = await folder();
    await using store = sqliteStore(place.path);
    const thread = nextThread();
    await store.stats(START);
    const events: QueueEvent[] = [];
    const delivered = new Set<string>();
    const to = transport("to", async (mail: Mail) => {
      delivered.add(mail.id);
      if (delivered.size === 10) await (await thread).terminate();
      return receipt(mail, { kind: "accepted", status: "2.0.0", by: "to" });
    });
    await using worker = drain(store, to, { random: () => 0, onEvent: (event) => void events.push(event) });
    const inbox = queue(store);
    for (let index = 0; index < 20; index += 1) {
      const mail = { id: `m${index}`, envelope: envelope("a@x.example", [`a@d${index}.example`]), content: contentOf(Buffer.from("Hi\r\n")), meta: {} };
      // Whoever was told that it is not certain sends it again; the queue takes it once.
      while ((await inbox.send(mail)).outcomes[0]?.kind !== "accepted") await wait(10);
    }
    while (events.filter(({ kind }) => kind === "settled").length < 20) await wait(10);
    await worker.stop();
    expect(await store.list()).toEqual([]);
    expect(events.filter(({ kind }) => kind === "settled")).toHaveLength(20);
  });

  it("refuses what cannot go to it, and works on", async () => {
    await using place = await folder();
    await using store = sqliteStore(place.path);
    const key: unknown = () => "key";
    const selection = {};
    Reflect.set(selection, "state", key);
    await expect(store.change(selection, "cancel", START)).rejects.toMatchObject({ status: "4.3.0" });
    await expect(store.claim({ now: START, limit: 1, perLane: 1, ttl: 1000, ...JSON.parse('{"lanes":[["a",1]]}') })).resolves.toEqual([]);
    const entry = entryOf();
    Reflect.set(entry.envelope, "smtputf8", 5n);
    await expect(store.add([entry], bytesOf(1))).rejects.toMatchObject({ status: "4.3.0" });
    expect((await store.add([entryOf()], bytesOf(1))).added).toEqual([true]);
  });
});

describe("a log that a dead process left", () => {
  it("is emptied by whoever opens the file, and nothing of it is lost", async () => {
    await using place = await folder();
    await killedWith(place.path);
    expect((await stat(`${place.path}-wal`)).size).toBeGreaterThan(0);
    await using store = sqliteStore(place.path);
    expect(await store.stats(START)).toMatchObject({ due: 20 });
    expect((await stat(`${place.path}-wal`)).size).toBe(0);
    expect((await store.add([entryOf({ key: "another" })], bytesOf(1))).added).toEqual([true]);
  });

  it("is left to whoever else has the file, who is not waited for", async () => {
    await using place = await folder();
    await killedWith(place.path);
    const other = new DatabaseSync(place.path);
    other.exec("BEGIN; SELECT count(*) FROM entries");
    await using store = sqliteStore(place.path, { busyTimeout: 3_600_000 });
    expect(await store.stats(START)).toMatchObject({ due: 20 });
    other.close();
  });
});

it("empty lanes that another process left are no reason to wait for who has the lock", async () => {
  await using place = await folder();
  await using first = sqliteStore(place.path);
  await first.add([entryOf()], bytesOf(1));
  expect(await first.change({ lane: "example.net" }, "cancel", START)).toBe(1);
  const other = new DatabaseSync(place.path);
  expect(other.prepare("SELECT count(*) AS lanes FROM lanes").get()).toEqual({ lanes: 1 });
  other.exec("BEGIN IMMEDIATE");
  await using second = sqliteStore(place.path, { busyTimeout: 3_600_000 });
  expect(await second.list()).toEqual([]);
  other.exec("ROLLBACK");
  other.close();
});

/** A process that adds 20 entries, and is killed. */
async function killedWith(path: string): Promise<void> {
  const child = spawn(process.execPath, ["-C", "@postroad/source", join(import.meta.dirname, "log-child.ts"), path], { stdio: "inherit" });
  await once(child, "exit");
  expect(child.signalCode).toBe("SIGKILL");
}
