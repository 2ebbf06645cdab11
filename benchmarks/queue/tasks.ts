import type { Load } from "../harness/measure.ts";
import { measure } from "../harness/measure.ts";
import type { Sample } from "../harness/sample.ts";
import { delayMonitor } from "./delay.ts";
import { poster } from "./mails.ts";
import type { DurableQueue } from "./queues/queue.ts";
import { IN_FLIGHT } from "./queues/queue.ts";

/** Bound by the disk, not by the CPU. */
const TIMES = { warmUp: { cpu: Infinity, clock: 3000 }, window: { cpu: Infinity, clock: 5000 } };

/** So many mails are somewhere between `add` and delivered, all the time. */
export async function through(queue: DurableQueue, { port, size }: { readonly port: number; readonly size: number }): Promise<Sample> {
  const post = poster(size);
  const underway = new Map<string, () => void>();
  queue.deliver({
    port,
    onDelivered(id) {
      underway.get(id)?.();
      underway.delete(id);
    },
  });
  return measured(IN_FLIGHT, async (number) => {
    const mail = post(number);
    const delivered = new Promise<void>((resolve) => underway.set(mail.id, resolve));
    await queue.add(mail);
    await delivered;
  });
}

/** So many senders add one mail after the other, and nobody delivers. */
export function accepts(queue: DurableQueue, { senders, size }: { readonly senders: number; readonly size: number }): Promise<Sample> {
  const post = poster(size);
  return measured(senders, (number) => queue.add(post(number)));
}

async function measured(lanes: number, work: (number: number) => Promise<void>): Promise<Sample> {
  async function lane(load: Load): Promise<void> {
    for (let number = load.next(); number !== undefined; number = load.next()) {
      await work(number);
      load.done();
    }
  }
  const delay = delayMonitor();
  const all = async (load: Load): Promise<void> => {
    await Promise.all(Array.from({ length: lanes }, () => lane(load)));
  };
  const sample = await measure(all, TIMES, delay.onWindow);
  return { ...sample, ...delay.sample() };
}
