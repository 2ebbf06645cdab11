import { mkdir, readFile, readdir } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Settled } from "./ledgers.ts";
import type { Host } from "./host.ts";
import { setTimeout as sleep } from "node:timers/promises";
import { temporaryFolder } from "../../interop/harness/folder.ts";

/** Where a host keeps its files. Gone when disposed. */
export interface Place extends AsyncDisposable {
  readonly path: string;
  /** What it said it was done with. */
  settled(): Promise<readonly Settled[]>;
  /** Files of the store, without the database and what SQLite keeps beside it. */
  leftovers(): Promise<readonly string[]>;
  /** What SQLite finds wrong with the database: nothing, that is "ok". */
  integrity(): string;
}

export async function newPlace(): Promise<Place> {
  const folder = await temporaryFolder("durability");
  const mail = join(folder.path, "mail");
  await mkdir(mail);
  return {
    path: folder.path,
    async settled() {
      const file = join(folder.path, "settled");
      const lines = existsSync(file) ? (await readFile(file, "utf8")).trimEnd().split("\n") : [];
      return lines.map((line) => {
        const [id = "", recipient = "", at = ""] = line.split(" ");
        return { mail: id, recipient, at: Number(at) };
      });
    },
    async leftovers() {
      const found = await readdir(mail, { recursive: true, withFileTypes: true });
      return found.filter((entry) => entry.isFile() && !/^mail\.db(-wal|-shm)?$/.test(entry.name)).map(({ name }) => name);
    },
    integrity() {
      const database = new DatabaseSync(join(mail, "mail.db"));
      try {
        return String(Object.values(database.prepare("PRAGMA integrity_check").get() ?? {})[0]);
      } finally {
        database.close();
      }
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** Milliseconds without an entry less after which a queue is stuck. */
const PATIENCE = 60_000;

/** Waits until everything is settled. Gives what is left where nothing moves any more. */
export async function drained(host: Host): Promise<string> {
  let last = { left: Infinity, at: Date.now() };
  for (;;) {
    const { due, waiting, leased, held, dead, bytes } = await host.stats();
    const left = due + waiting + leased + held + dead;
    if (left === 0) return bytes === 0 ? "nothing" : `${bytes} bytes of contents`;
    if (left < last.left) last = { left, at: Date.now() };
    if (Date.now() - last.at > PATIENCE || left === dead + held) {
      return `${due} due, ${waiting} waiting, ${leased} leased, ${held} held, ${dead} dead (${host.dead.slice(0, 3).join("; ")})`;
    }
    await sleep(100);
  }
}
