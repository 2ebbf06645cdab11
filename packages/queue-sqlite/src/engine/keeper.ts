import { closeSync, fsyncSync, openSync } from "node:fs";
import { dirname } from "node:path";
import type { Operation, Settings } from "../messages.ts";
import type { Outcome } from "./batch.ts";
import { runBatch } from "./batch.ts";
import { openDatabase } from "./database.ts";
import type { Engine } from "./engine.ts";
import { engineOn } from "./engine.ts";
import { failureOf } from "./failures.ts";
import { forgetEmptyLanes } from "./finish.ts";
import { removeOrphans } from "./orphans.ts";
import { number } from "./sql.ts";

/** Keeps the database open; opens it anew after a failure that leaves the connection in doubt. */
export interface Keeper {
  run(operations: readonly Operation[]): Outcome & { readonly removed: readonly string[] };
  /** May another process have committed since this was asked last, or since the database was opened? */
  changed(): boolean;
  close(): void;
}

export function keeperOf(settings: Settings): Keeper {
  let engine: Engine | undefined;
  let version: number | undefined;
  let isBroken = false;

  function open(): Engine {
    const opened = openDatabase(settings);
    try {
      syncFolder(dirname(settings.path));
      removeOrphans(opened, settings.folder);
      forgetEmptyLanes(opened, settings.busyTimeout);
      return engineOn(opened, settings);
    } catch (error) {
      opened.close();
      throw error;
    }
  }

  function close(): void {
    const closing = engine;
    engine = undefined;
    version = undefined;
    closing?.sql.close();
  }

  function fail(): void {
    close();
    isBroken = true;
  }

  return {
    run(operations) {
      let uncertain = false;
      try {
        engine ??= open();
        // What throws from here on could not even be rolled back.
        uncertain = true;
        const outcome = runBatch(engine, operations);
        const removed = engine.removed.splice(0);
        if (outcome.broken) fail();
        return { ...outcome, removed };
      } catch (error) {
        fail();
        const failure = { ...failureOf(error, settings.path), uncertain };
        return { answers: operations.map(() => ({ verb: "failed", failure })), broken: true, removed: [] };
      }
    },
    changed() {
      // Whoever is told asks for something, which opens it anew.
      if (engine === undefined) {
        const wasBroken = isBroken;
        isBroken = false;
        return wasBroken;
      }
      const before = version;
      version = number(engine.sql.get("PRAGMA data_version")?.data_version);
      // The first look after opening knows nothing of before: waking once too often is better than not at all.
      return before !== version;
    },
    close,
  };
}

/** A new file survives a power cut only once the folder that lists it is synced. */
function syncFolder(folder: string): void {
  // Windows cannot open a folder, and writes its directory through.
  if (process.platform === "win32") return;
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
