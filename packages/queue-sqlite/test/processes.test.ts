import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { sqliteStore } from "../src/index.ts";
import { START, folder } from "./entries.ts";

const child = join(import.meta.dirname, "process-child.ts");

it("#53, #60: three processes share one file: each entry is settled once, by one of them", { timeout: 120_000 }, async () => {
  await using place = await folder();
  const names = ["a", "b", "c"];
  const settled = await Promise.all(names.map((name) => run(place.path, name, "40")));
  const keys = names.flatMap((name) => Array.from({ length: 40 }, (_, index) => `${name}-${index}`));
  expect(settled.flat().toSorted()).toEqual(keys.toSorted());
  await using store = sqliteStore(place.path);
  expect(await store.stats(START)).toMatchObject({ due: 0, leased: 0, bytes: 0, lanes: [] });
});

it("#53: several processes make the file at once, and none takes it for another application's", { timeout: 120_000 }, async () => {
  for (let round = 0; round < 3; round += 1) {
    await using place = await folder();
    const settled = await Promise.all(["a", "b", "c", "d"].map((name) => run(place.path, name, "1")));
    expect(settled.flat().toSorted()).toEqual(["a-0", "b-0", "c-0", "d-0"]);
  }
});

async function run(...args: readonly string[]): Promise<readonly string[]> {
  const running = spawn(process.execPath, ["-C", "@postroad/source", child, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const [out, [code]] = await Promise.all([text(running.stdout), once(running, "exit")]);
  expect(code).toBe(0);
  return out.split("\n").filter((line) => line !== "");
}
