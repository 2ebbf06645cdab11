import { setTimeout as sleep } from "node:timers/promises";
import type { Sample } from "../harness/sample.ts";
import type { Metric } from "../harness/units.ts";
import { digits } from "../harness/units.ts";
import { poster } from "./mails.ts";
import type { DurableQueue } from "./queues/queue.ts";

const show = (seconds: number): string => `${digits(seconds * 1000)} ms`;
/** Seconds from `add` until an urgent mail is delivered, while bulk mails wait and are delivered too. */
export const MEDIAN: Metric = { name: "urgent mail, median", better: "less", show };
export const P99: Metric = { name: "p99", better: "less", show };
/** Bulk mails delivered meanwhile. */
export const BULK_RATE: Metric = { name: "bulk mails per second", better: "more", show: digits };

const AT_ONCE = 1000;
/** Urgent mails, and milliseconds between them. */
const URGENT = 200;
const EVERY = 40;

export async function urgent(queue: DurableQueue, { port, waiting }: { readonly port: number; readonly waiting: number }): Promise<Sample> {
  const post = poster(1024);
  for (let number = 0; number < waiting; number += AT_ONCE) {
    await queue.fill(Array.from({ length: AT_ONCE }, (_, index) => post(number + index, "bulk")));
  }
  const delivered = new Map<string, (at: number) => void>();
  let bulk = 0;
  queue.deliver({
    port,
    onDelivered(id) {
      const tell = delivered.get(id);
      if (tell === undefined) bulk += 1;
      tell?.(performance.now());
    },
  });
  const start = performance.now();
  const times: Promise<number>[] = [];
  for (let number = 0; number < URGENT; number += 1) {
    await sleep(EVERY);
    times.push(timed(number));
  }
  const sorted = (await Promise.all(times)).toSorted((a, b) => a - b);
  if (bulk >= waiting) throw new Error(`all ${bulk} bulk mails were delivered before the last urgent one`);
  const rate = (bulk / (performance.now() - start)) * 1000;
  return { [MEDIAN.name]: at(sorted, 0.5), [P99.name]: at(sorted, 0.99), [BULK_RATE.name]: rate };

  async function timed(number: number): Promise<number> {
    const mail = { ...post(number, "urgent"), urgent: true };
    const sent = performance.now();
    const arrival = new Promise<number>((resolve) => delivered.set(mail.id, resolve));
    await queue.add(mail);
    return ((await arrival) - sent) / 1000;
  }
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.ceil(sorted.length * share) - 1] ?? NaN;
}
