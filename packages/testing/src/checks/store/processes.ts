import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { isDeepStrictEqual } from "node:util";
import type { Check } from "../check.ts";
import type { StoreBench, StoreSuite } from "./bench.ts";
import { DAY, HOUR, START, again, contentOfLease, withStore } from "./bench.ts";
import type { ChildLine, Snapshot } from "./child.ts";
import { LARGE, SMALL, STEPS, snapshotOf } from "./child.ts";

/** Milliseconds after a step began, or once it is done. To add is what must never be lost, so it is looked at closer. */
function momentsOf(step: string): readonly string[] {
  return step.startsWith("add") ? ["0", "2", "done"] : ["1", "done"];
}

/** A process is killed at every step, and the next one finds what the dead one said, and nothing by halves. */
export const processChecks: readonly Check<StoreSuite>[] = STEPS.map((step) => ({
  name: `keeps what it said when its process is killed: ${step}`,
  needs: ["processes"],
  timeout: 120_000,
  async run(suite) {
    const states = await statesAfter(suite);
    await Promise.all(momentsOf(step).map((moment) => killedAt(suite, step, moment, states)));
  },
}));

const known = new WeakMap<StoreSuite, Promise<readonly Snapshot[]>>();

/** The same for every step, so it is asked once. */
async function statesAfter(suite: StoreSuite): Promise<readonly Snapshot[]> {
  const states = known.get(suite) ?? statesOf(suite);
  known.set(suite, states);
  return states;
}

/** What is to be seen after each step: before all of them, after the first, … */
async function statesOf(suite: StoreSuite): Promise<readonly Snapshot[]> {
  let states: readonly Snapshot[] = [];
  await withStore(suite, {}, async (bench) => {
    const { lines, signal, code } = await child(bench, "watch");
    assert.deepEqual({ signal, code }, { signal: null, code: 0 }, "the child did not come to its end");
    states = lines.flatMap((line) => ("start" in line ? [line.start] : "done" in line ? (line.snapshot ?? []) : []));
  });
  assert.equal(states.length, STEPS.length + 1);
  return states;
}

async function killedAt(suite: StoreSuite, step: string, moment: string, states: readonly Snapshot[]): Promise<void> {
  await withStore(suite, {}, async (bench) => {
    const { lines, signal } = await child(bench, `${step}@${moment}`);
    assert.equal(signal, "SIGKILL", "the child was not killed");
    const done = lines.filter((line) => "done" in line).length;
    const begun = lines.filter((line) => "begun" in line).length;
    await again(bench, async (found) => {
      const seen: unknown = JSON.parse(JSON.stringify(await snapshotOf(found.store)));
      const possible = states.slice(done, begun + 1);
      const where = `killed at "${step}" (${moment}), with ${done} steps done and ${begun} begun`;
      if (!possible.some((state) => isDeepStrictEqual(state, seen))) assert.deepEqual(seen, possible[0], where);
      await readsAll(found, where);
    });
  });
}

/** Everything that is listed has its content, whole. */
async function readsAll(bench: StoreBench, where: string): Promise<void> {
  await bench.store.change({ state: "held" }, "release", START);
  await bench.store.change({ state: "dead" }, "retry", START);
  await bench.store.park("elsewhere", 0);
  const listed = await bench.store.list();
  const leases = await bench.claim({ now: START + 2 * DAY + HOUR });
  assert.equal(leases.length, listed.length, `${where}: not all that is listed can be claimed`);
  for (const lease of leases) {
    const whole = "bcdg".includes(lease.entry.key) ? LARGE : SMALL;
    assert.ok((await contentOfLease(bench, lease)).equals(whole), `${where}: ${lease.entry.key} has another content`);
    assert.equal(await bench.store.settle(lease, null), true);
  }
  assert.equal((await bench.store.stats(START)).bytes, 0, `${where}: a content is left over`);
}

interface Ended {
  readonly lines: readonly ChildLine[];
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

async function child({ subject, store }: StoreBench, argument: string): Promise<Ended> {
  assert.ok(subject.child, "the subject has no child, which the capability needs");
  await store[Symbol.asyncDispose]();
  const running = spawn(process.execPath, [...subject.child, argument], { stdio: ["ignore", "pipe", "pipe"] });
  const exited: Promise<[number | null, NodeJS.Signals | null]> = endOf(running);
  const [out, errors, [code, signal]] = await Promise.all([text(running.stdout), text(running.stderr), exited]);
  assert.ok(signal !== null || code === 0, `the child failed: ${errors}`);
  return { lines: out.split("\n").flatMap(lineOf), code, signal };
}

async function endOf(running: ReturnType<typeof spawn>): Promise<[number | null, NodeJS.Signals | null]> {
  await once(running, "exit");
  return [running.exitCode, running.signalCode];
}

/** The last line may be cut off by the kill; then it was not said. */
function lineOf(line: string): readonly ChildLine[] {
  if (!line.endsWith("}")) return [];
  const parsed: unknown = JSON.parse(line);
  return isChildLine(parsed) ? [parsed] : [];
}

function isChildLine(value: unknown): value is ChildLine {
  return typeof value === "object" && value !== null && ("begun" in value || "done" in value || "start" in value);
}
