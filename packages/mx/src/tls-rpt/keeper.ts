import { emitWarning } from "node:process";
import type { Collector, KeptDay } from "./collector.ts";

/** Keeps what `tlsReports()` has counted: plain data, written as a whole. One `tlsReports()` to a store. */
export interface TlsReportStore {
  /** What was saved last; empty where nothing was. */
  load(): Promise<readonly KeptDay[]>;
  save(days: readonly KeptDay[]): Promise<void>;
}

export interface Keeper {
  /** Settles when what was kept has been added, or cannot be for now. */
  ready(): Promise<void>;
  /** There is more to save, within a minute. */
  changed(): void;
  /** Saves now what has changed. */
  flush(): Promise<void>;
}

/** Milliseconds between two saves: what a crash may lose. */
const INTERVAL = 60_000;

/** Nothing is saved before what was kept could be loaded: it would be overwritten. */
export function keeper(store: TlsReportStore | undefined, days: Collector): Keeper {
  let loaded: Promise<boolean> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let dirty = false;
  let saving = Promise.resolve();

  async function load(from: TlsReportStore): Promise<boolean> {
    try {
      days.add(await from.load());
      return true;
    } catch (error) {
      warn("load", error);
      loaded = undefined;
      return false;
    }
  }

  async function save(to: TlsReportStore): Promise<void> {
    if (!dirty || !(await (loaded ??= load(to)))) return;
    dirty = false;
    try {
      await to.save(days.kept());
    } catch (error) {
      dirty = true;
      warn("save", error);
    }
  }

  function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    if (store !== undefined) saving = saving.then(() => save(store));
    return saving;
  }

  return {
    async ready() {
      if (store !== undefined) await (loaded ??= load(store));
    },
    changed() {
      dirty = true;
      if (store !== undefined) timer ??= setTimeout(() => void flush(), INTERVAL).unref();
    },
    flush,
  };
}

function warn(doing: string, error: unknown): void {
  emitWarning(`tlsReports: the store does not ${doing}: ${error instanceof Error ? error.message : String(error)}`, { type: "PostroadWarning" });
}
