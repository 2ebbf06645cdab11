import type { Mail, Recipient } from "@postroad/core";
import { contentOf, envelope } from "@postroad/core";
import { setImmediate as turn } from "node:timers/promises";
import type { Clock, QueueEvent } from "../src/index.ts";

export const START = 1_800_000_000_000;
export const MINUTE = 60_000;
export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
export const bytes: Uint8Array = new TextEncoder().encode("From: a@x.example\r\nSubject: Hi\r\n\r\nHi\r\n");

let mails = 0;

export function mailTo(...to: readonly (string | Recipient)[]): Mail {
  mails += 1;
  return { id: `m${mails}`, envelope: envelope("a@x.example", to), content: contentOf(bytes), meta: {} };
}

/** Lets everything that is due in this process happen. */
export async function turns(count = 20): Promise<void> {
  for (let index = 0; index < count; index += 1) await turn();
}

/** Waits until something is so; the test's own time limit is what ends it otherwise. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await turn();
}

export interface TestClock extends Clock {
  /** Goes on to then, and lets happen what is due on the way, at its time. */
  advance(milliseconds: number): Promise<void>;
  /** Steps, as a wall clock that is set: no timer moves. */
  step(milliseconds: number): void;
}

/** A clock that stands still unless it is told to go on. */
export function testClock(start: number = START): TestClock {
  const timers = new Map<() => void, number>();
  let time = 0;
  let offset = start;

  return {
    now: () => time + offset,
    after(milliseconds, task) {
      const own = (): void => task();
      timers.set(own, time + milliseconds);
      return () => void timers.delete(own);
    },
    async advance(milliseconds) {
      const target = time + milliseconds;
      await turns();
      for (;;) {
        const [next] = [...timers].toSorted(([, a], [, b]) => a - b);
        if (next === undefined || next[1] > target) break;
        const [task, at] = next;
        time = Math.max(time, at);
        timers.delete(task);
        task();
        await turns();
      }
      time = target;
    },
    step: (milliseconds) => void (offset += milliseconds),
  };
}

/** Collects events. */
export interface Recorder {
  readonly events: QueueEvent[];
  readonly onEvent: (event: QueueEvent) => void;
  readonly of: <K extends QueueEvent["kind"]>(kind: K) => readonly Extract<QueueEvent, { kind: K }>[];
}

export function recorder(): Recorder {
  const events: QueueEvent[] = [];
  return {
    events,
    onEvent: (event) => void events.push(event),
    of: <K extends QueueEvent["kind"]>(kind: K) =>
      events.filter((event): event is Extract<QueueEvent, { kind: K }> => event.kind === kind),
  };
}
