import type { ListRequest, Listed, QueueStats, Selection, Store } from "./store.ts";

/** For people, and the tools they use. What selects entries gives their number; those a worker has just now are left to it. */
export interface Manager {
  /** How many entries there are, by state and lane, and since when the oldest has waited. */
  stats(): Promise<QueueStats>;
  /** Entries in the order of keys, a page at a time. */
  list(request?: ListRequest): Promise<readonly Listed[]>;
  get(key: string): Promise<Listed | undefined>;
  /** Takes them out. Nobody is told. */
  cancel(selection: Selection): Promise<number>;
  /** Makes them due now, and their lanes too. Dead letters begin anew. */
  retryNow(selection: Selection): Promise<number>;
  /** Keeps them back until they are released. Their age goes on. */
  hold(selection: Selection): Promise<number>;
  release(selection: Selection): Promise<number>;
  /** Dead letters begin anew: `retryNow` of those in the selection, by default of all. */
  redrive(selection?: Omit<Selection, "state">): Promise<number>;
}

/** The handles on a store that people need. `now` gives milliseconds since 1970. */
export function manage(store: Store, { now = Date.now }: { readonly now?: () => number } = {}): Manager {
  return {
    stats: () => store.stats(now()),
    list: (request) => store.list(request),
    get: (key) => store.get(key),
    cancel: (selection) => store.change(selection, "cancel", now()),
    retryNow: (selection) => store.change(selection, "retry", now()),
    hold: (selection) => store.change(selection, "hold", now()),
    release: (selection) => store.change(selection, "release", now()),
    redrive: (selection = {}) => store.change({ ...selection, state: "dead" }, "retry", now()),
  };
}
