import { Refusal } from "@postroad/core";
import { writeSync } from "node:fs";
import { sqliteStore } from "../src/index.ts";
import { bytesOf, entryOf } from "./entries.ts";

// Adds mails one after the other, small and large, and says which were taken. Run where system calls fail or kill.
const [path = "", count = "6"] = process.argv.slice(2);
await using store = sqliteStore(path);
for (let number = 1; number <= Number(count); number += 1) {
  const key = `mail-number-${number}`;
  try {
    await store.add([entryOf({ key })], bytesOf(number));
    say(`added ${key}`);
  } catch (error) {
    say(`refused ${key} ${error instanceof Refusal ? `${error.status} ${String(error.options.uncertain)}` : "badly"} ${String(error)}`);
  }
}
say("end");

function say(line: string): void {
  writeSync(1, `${line}\n`);
}
