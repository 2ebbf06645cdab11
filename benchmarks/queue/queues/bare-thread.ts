// The thread of bare-table.ts, with the path as its data: each message is one transaction, answered when it is on disk.
import { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import type { Change } from "./bare-table.ts";

const database = new DatabaseSync(String(workerData));
database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE mail (id INTEGER PRIMARY KEY, body BLOB)");
const insert = database.prepare("INSERT INTO mail VALUES (?, ?)");
const remove = database.prepare("DELETE FROM mail WHERE id = ?");
const begin = database.prepare("BEGIN IMMEDIATE");
const commit = database.prepare("COMMIT");

parentPort?.on("message", (changes: readonly Change[]) => {
  begin.run();
  for (const { id, body } of changes) {
    if (body === undefined) remove.run(id);
    else insert.run(id, body);
  }
  commit.run();
  parentPort?.postMessage("committed", []);
});
