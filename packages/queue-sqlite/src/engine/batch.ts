import type { Answer, Operation } from "../messages.ts";
import { add } from "./add.ts";
import { change, park } from "./change.ts";
import { claim } from "./claim.ts";
import { quarantineAll, setAside } from "./damage.ts";
import { counterFor } from "./counter.ts";
import type { Engine } from "./engine.ts";
import { BadRequest, breaksTrust, failureOf, isBusy, isFull } from "./failures.ts";
import { forgetLane } from "./finish.ts";
import { nextDue } from "./next-due.ts";
import { list, stats } from "./people.ts";
import { content, renew, settle } from "./settle.ts";
import { rollBack } from "./sql.ts";

/** Contents that one batch sets aside since they cannot be read. */
const MOST_DAMAGED = 16;

/** Lanes without entries that are not forgotten yet. */
const EMPTY_LANES = 1000;

const readers: ReadonlySet<Operation["verb"]> = new Set(["content", "nextDue", "stats", "list"]);

/** What came of a batch; `broken` where the connection is not to be used any more. */
export interface Outcome {
  readonly answers: readonly Answer[];
  readonly broken: boolean;
}

/**
 * All of the batch in one transaction, synced once. Where one fails, each is done again in a transaction of its own, so
 * that only those fail that have to.
 */
export function runBatch(engine: Engine, operations: readonly Operation[]): Outcome {
  let together = attempt(engine, operations);
  if (isFull(together.failed) && emptyLog(engine)) together = attempt(engine, operations);
  for (let rest = MOST_DAMAGED; rest > 0 && setAside(engine, together.failed); rest -= 1) together = attempt(engine, operations);
  if (together.failed === undefined) return { answers: together.answers, broken: false };
  if (operations.length === 1 || breaksTrust(together.failed) || isBusy(together.failed)) return failedAll(engine, operations, together);
  return eachAlone(engine, operations);
}

/**
 * The log may be what fills the disk: copied back into the database, its space is free for what comes next. Without
 * this, nothing could be settled any more, and so nothing removed. False where the database has no room for it either.
 */
function emptyLog({ sql }: Engine): boolean {
  try {
    sql.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    return true;
  } catch {
    // What the caller hears is why the operation failed.
    return false;
  }
}

function eachAlone(engine: Engine, operations: readonly Operation[]): Outcome {
  const answers: Answer[] = [];
  let broken = false;
  for (const operation of operations) {
    // What is left of the batch is refused as it stands: the connection is gone, and the caller may try again.
    const outcome: Outcome = broken ? { answers: [connectionLost(engine)], broken } : runBatch(engine, [operation]);
    answers.push(...outcome.answers);
    broken = outcome.broken;
  }
  return { answers, broken };
}

function connectionLost({ settings }: Engine): Answer {
  const message = `${settings.path}: not tried, since the operation before it failed on the disk`;
  return { verb: "failed", failure: { status: "4.3.0", message } };
}

interface Attempt {
  readonly answers: readonly Answer[];
  readonly failed?: unknown;
  /** The commit itself failed: whether the disk has it is not known. */
  readonly uncertain?: boolean;
}

function attempt(engine: Engine, operations: readonly Operation[]): Attempt {
  const { sql, watch } = engine;
  begin(engine);
  const before = { ...watch };
  const removed = engine.removed.length;
  let committing = false;
  try {
    sql.exec(operations.every(({ verb }) => readers.has(verb)) ? "BEGIN" : "BEGIN IMMEDIATE");
    engine.counter = counterFor(engine, operations);
    const answers = operations.map((operation) => run(engine, operation));
    end(engine);
    committing = true;
    sql.exec("COMMIT");
    if (operations.some(({ verb }) => verb === "claim")) engine.untold.length = 0;
    return { answers };
  } catch (error) {
    Object.assign(watch, before);
    engine.removed.length = removed;
    rollBack(sql);
    return { answers: [], failed: error, uncertain: committing && breaksTrust(error) };
  }
}

/** Nothing is known any more of what an earlier transaction read or counted. */
function begin(engine: Engine): void {
  const { watch, totals } = engine;
  engine.reading = undefined;
  engine.counter = undefined;
  watch.read = undefined;
  totals.reset();
}

/** What is written once for all operations. */
function end({ sql, totals, left }: Engine): void {
  totals.write();
  for (const lane of left) {
    if (left.size <= EMPTY_LANES) break;
    left.delete(lane);
    forgetLane(sql, lane);
  }
}

function failedAll({ settings }: Engine, operations: readonly Operation[], { failed, uncertain }: Attempt): Outcome {
  const failure = failureOf(failed, settings.path);
  const answer: Answer = { verb: "failed", failure: uncertain === true ? { ...failure, uncertain } : failure };
  return { answers: operations.map(() => answer), broken: breaksTrust(failed) };
}

function run(engine: Engine, { verb, request }: Operation): Answer {
  switch (verb) {
    case "add":
      return { verb, answer: add(engine, request) };
    case "claim":
      return { verb, answer: claim(engine, request) };
    case "content":
      return { verb, answer: content(engine, request) };
    case "renew":
      return { verb, answer: renew(engine, request) };
    case "settle":
      return { verb, answer: settle(engine, request) };
    case "park":
      return { verb, answer: park(engine, request) };
    case "nextDue":
      return { verb, answer: nextDue(engine) };
    case "stats":
      return { verb, answer: stats(engine, request) };
    case "list":
      return { verb, answer: list(engine, request) };
    case "change":
      return { verb, answer: change(engine, request) };
    case "quarantine":
      return { verb, answer: quarantineAll(engine, request) };
    default:
      throw new BadRequest("unknown operation");
  }
}
