import type { Damaged } from "@postroad/queue";
import { randomBytes } from "node:crypto";
import type { Settings } from "../messages.ts";
import type { Watch } from "./clock.ts";
import type { Counter } from "./counter.ts";
import type { Found, Sql } from "./sql.ts";
import type { Totals } from "./totals.ts";
import { totalsOf } from "./totals.ts";

/** What every operation works with. Nothing of it survives a rollback wrongly: it is only ever a guess or a name. */
export interface Engine {
  readonly sql: Sql;
  readonly settings: Settings;
  readonly watch: Watch;
  readonly totals: Totals;
  /** Lanes that lost an entry, the latest last: some that are empty are kept, since mail to them may come again. */
  readonly left: Set<number>;
  /** Where a claim of this transaction takes what is added. */
  counter: Counter | undefined;
  /** The entry whose content is being read: what the disk fails at then is its damage. */
  reading: Found | undefined;
  /** What was set aside between two attempts at a claim, whose answer tells of it. */
  readonly untold: Damaged[];
  /** Files whose content is finished; to be removed once that is committed. */
  readonly removed: string[];
  /** Another text each time, in this process and in any other. */
  token(): string;
  /** Lanes up to which the last sweep came, by level and kind. */
  readonly swept: Map<string, number>;
  /** True every other time. */
  flip(): boolean;
}

export function engineOn(sql: Sql, settings: Settings): Engine {
  const start = randomBytes(9).toString("base64url");
  let tokens = 0;
  let heads = false;
  return {
    sql,
    settings,
    watch: { stored: null, exact: null, read: undefined },
    totals: totalsOf(sql),
    left: new Set(),
    counter: undefined,
    reading: undefined,
    untold: [],
    removed: [],
    swept: new Map(),
    token: () => `${start}.${(tokens += 1).toString(36)}`,
    flip: () => (heads = !heads),
  };
}
