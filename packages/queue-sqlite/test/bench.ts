import { mkdir } from "node:fs/promises";
import { runBatch } from "../src/engine/batch.ts";
import { openDatabase } from "../src/engine/database.ts";
import type { Engine } from "../src/engine/engine.ts";
import { engineOn } from "../src/engine/engine.ts";
import type { Answer, Draft, Operation } from "../src/messages.ts";
import { folder } from "./entries.ts";

export interface Bench extends AsyncDisposable {
  readonly engine: Engine;
  run(...operations: readonly Operation[]): readonly Answer[];
}

/** The engine without its thread. */
export async function bench(): Promise<Bench> {
  const place = await folder();
  const settings = {
    path: place.path,
    folder: `${place.path}-contents`,
    maxEntries: 1_000_000,
    maxBytes: 1_000_000_000,
    remember: 1000,
    busyTimeout: 1000,
  };
  await mkdir(settings.folder);
  const engine = engineOn(openDatabase(settings), settings);
  return {
    engine,
    run: (...operations) => runBatch(engine, operations).answers,
    async [Symbol.asyncDispose]() {
      engine.sql.close();
      await place[Symbol.asyncDispose]();
    },
  };
}

export function adding(...rows: readonly Draft[]): Operation {
  return { verb: "add", request: { rows, size: 3, crc: 0, body: { data: Buffer.from("abc") } } };
}

export function claiming(now: number, limit = 10): Operation {
  const request = { now, limit, urgent: 0, perLane: 100, lanes: new Map<string, number>(), ttl: 60_000, aged: 0, late: 0, suspects: true };
  return { verb: "claim", request };
}

export function leasesOf(answers: readonly Answer[]): readonly { readonly key: string; readonly token: string }[] {
  return answers.flatMap((each) => (each.verb === "claim" ? each.answer.leases : [])).map(({ row, token }) => ({ key: row.key, token }));
}
