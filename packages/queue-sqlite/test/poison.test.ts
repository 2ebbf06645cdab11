import { contentOf, envelope } from "@postroad/core";
import { queue } from "@postroad/queue";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { sqliteStore } from "../src/index.ts";
import { folder } from "./entries.ts";

const child = join(import.meta.dirname, "poison-child.ts");

it("#57: a mail that kills its process is kept after five, and all others are delivered", { timeout: 120_000 }, async () => {
  await using place = await folder();
  await using store = sqliteStore(place.path);
  const inbox = queue(store);
  const good = Array.from({ length: 20 }, (_, index) => `good-${index}`);
  for (const [index, id] of good.toSpliced(7, 0, "poison").entries()) {
    await inbox.send({ id, envelope: envelope("a@x.example", [`a@d${index}.example`]), content: contentOf(Buffer.from("Hi\r\n")), meta: {} });
  }
  const settled: string[] = [];
  let killed = 0;
  for (let isOver = false; !isOver; ) {
    const worker = spawn(process.execPath, ["-C", "@postroad/source", child, place.path], { stdio: ["ignore", "pipe", "inherit"] });
    const [out] = await Promise.all([text(worker.stdout), once(worker, "exit")]);
    settled.push(...out.split("\n").filter((line) => line !== ""));
    isOver = worker.signalCode === null;
    if (!isOver) killed += 1;
  }
  expect(killed).toBe(5);
  expect(settled.toSorted()).toEqual(good.toSorted());
  expect(await store.list()).toMatchObject([{ mail: "poison", state: "dead", note: expect.stringContaining("5 workers") }]);
});
