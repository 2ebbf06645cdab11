import type { Mail } from "@postroad/core";
import { contentOf, envelope } from "@postroad/core";
import { setImmediate as turn } from "node:timers/promises";
import type { Clock } from "../src/index.ts";

/** Lets everything happen that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  for (let turns = 0; turns < 3; turns += 1) await turn();
}

/** A clock that stands still until a test lets it go on. */
export interface StandingClock extends Clock {
  /** Goes on, and does on the way what is due, in order. */
  advance(milliseconds: number): Promise<void>;
  /** Goes on from task to task until the work is done. */
  runUntil(done: () => boolean): Promise<void>;
  /** Tasks that are waiting. */
  readonly tasks: number;
}

export function standingClock(): StandingClock {
  const tasks = new Set<{ readonly at: number; readonly task: () => void }>();
  let now = 0;

  async function runNext(until: number): Promise<boolean> {
    await settle();
    const next = [...tasks].toSorted((a, b) => a.at - b.at)[0];
    if (next === undefined || next.at > until) return false;
    tasks.delete(next);
    now = next.at;
    next.task();
    return true;
  }

  return {
    now: () => now,
    after(milliseconds, task) {
      const entry = { at: now + milliseconds, task };
      tasks.add(entry);
      return () => tasks.delete(entry);
    },
    async advance(milliseconds) {
      const until = now + milliseconds;
      while (await runNext(until));
      now = until;
    },
    async runUntil(done) {
      while (!done()) if (!(await runNext(Infinity)) && !done()) throw new Error("nothing is left to wait for");
    },
    get tasks() {
      return tasks.size;
    },
  };
}

let made = 0;

export function mailTo(...to: readonly string[]): Mail {
  made += 1;
  const content = contentOf(Buffer.from("Subject: Hello\r\n\r\nHello\r\n"));
  return { id: `mail-${made}`, envelope: envelope("shop@example.org", to), content, meta: {} };
}
