import { readAll } from "@postroad/core";
import { STRACE, callsOf, unsynced } from "@postroad/testing/trace";
import { readdir, realpath } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sqliteStore } from "../src/index.ts";
import { START, bytesOf, folder } from "./entries.ts";
import type { Told } from "./strace.ts";
import { canTrace, traced } from "./strace.ts";

const COUNT = 5;
const SLOW = 240_000;

/** Everything that was reported as added is there, whole; and of what was refused only what is in doubt. */
async function expectKept(path: string, { added, refused }: Told): Promise<void> {
  await using store = sqliteStore(path);
  const leases = await store.claim({ now: START, limit: 100, perLane: 100, ttl: 1000 });
  const found = leases.map(({ entry }) => entry.key);
  expect(found).toEqual(expect.arrayContaining([...added]));
  const gone = refused.filter(({ uncertain }) => !uncertain).map(({ key }) => key);
  expect(found.filter((key) => gone.includes(key))).toEqual([]);
  for (const lease of leases) {
    const number = Number(lease.entry.key.split("-").at(-1));
    const [got, given] = [await readAll(store.read(lease)), await readAll(bytesOf(number))];
    expect(Buffer.compare(got, given)).toBe(0);
    expect(await store.settle(lease, null)).toBe(true);
  }
  expect((await store.stats(START)).bytes).toBe(0);
  await store[Symbol.asyncDispose]();
  // No file stays for ever.
  expect(await readdir(`${path}-contents`).catch(() => [])).toEqual([]);
}

describe.skipIf(!canTrace)("sqliteStore (needs strace)", () => {
  it("U20, #52: reports no success before the data is synced", { timeout: SLOW }, async () => {
    await using place = await folder();
    const dir = await realpath(place.dir);
    const told = await traced(join(dir, "mail.db"), COUNT, STRACE);
    expect(told.added).toHaveLength(COUNT);
    const calls = callsOf(told.trace);
    expect(unsynced(calls, { success: /added ([\w-]+)/, folder: dir })).toEqual([]);
    // A sync of the log at each commit: that is what synchronous=FULL promises.
    const syncs = calls.filter(({ name, args }) => /^f(?:data)?sync$/.test(name) && args.includes("mail.db-wal"));
    expect(syncs.length).toBeGreaterThanOrEqual(COUNT);
  });

  it.for([
    ["fsync", "EIO", "7", ["4.3.0"]],
    ["fsync", "EIO", "9", ["4.3.0"]],
    ["pwrite64", "ENOSPC", "8", ["4.3.1"]],
    // The log is emptied for room, and what failed is written after all; where that fails too, it is refused.
    ["pwrite64", "ENOSPC", "90", []],
    ["pwrite64", "ENOSPC", "90..91", ["4.3.1"]],
    ["pwrite64", "EIO", "90", ["4.3.0"]],
  ] as const)("#52: %s that fails with %s, call %s, is no success, and it goes on afterwards", { timeout: SLOW }, async ([call, error, when, refused]) => {
    await using place = await folder();
    const inject = ["-e", `trace=${call}`, "-P", `${place.path}-wal`, "-P", place.path, "-P", `${place.path}-journal`];
    const told = await traced(place.path, COUNT, [...inject, "-e", `inject=${call}:error=${error}:when=${when}`]);
    expect(told.trace).toContain("INJECTED");
    expect(told.refused.map((each) => each.status)).toEqual(refused);
    expect(told.added).toHaveLength(COUNT - refused.length);
    await expectKept(place.path, told);
  });

  it.for([
    ["openat", "EMFILE", "4.3.0"],
    ["fsync", "EIO", "4.3.0"],
    ["mkdir", "EROFS", "4.3.0"],
    ["mkdir", "ENOSPC", "4.3.1"],
    ["rename", "EROFS", "4.3.0"],
    ["rename", "EDQUOT", "4.3.1"],
  ] as const)("#52: a content's file whose %s fails with %s is no success, and leaves nothing", { timeout: SLOW }, async ([call, error, status]) => {
    await using place = await folder();
    // Calls that work on the folder with the contents: the database's own are left alone.
    const only = call === "rename" ? [] : ["-P", `${place.path}-contents`];
    const told = await traced(place.path, COUNT, [...only, "-e", `trace=${call}`, "-e", `inject=${call}:error=${error}:when=1`]);
    expect(told.trace).toContain("INJECTED");
    expect(told.refused.map((each) => each.status)).toContain(status);
    expect(told.added.length).toBeGreaterThanOrEqual(3);
    await expectKept(place.path, told);
  });

  it.for([
    ["fsync", [1, 3, 5, 6, 7, 8]],
    ["pwrite64", [2, 20, 60, 90, 110]],
    ["write", [1, 2]],
    ["rename", [1]],
    ["unlink", [1]],
  ] as const)("#52: a process that is killed in %s leaves what it reported, and nothing by halves", { timeout: SLOW }, async ([call, times]) => {
    for (const when of times) {
      await using place = await folder();
      const inject = ["-e", `trace=${call}`, "-e", `inject=${call}:signal=KILL:when=${when}`];
      await expectKept(place.path, await traced(place.path, COUNT, inject));
    }
  });
});
