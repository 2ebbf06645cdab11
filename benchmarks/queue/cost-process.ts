// What an operation costs a store in which so many entries wait: cost-process.ts <folder> <entries>
import { join } from "node:path";
import { contentOf, envelope } from "@postroad/core";
import type { Entry, Store } from "@postroad/queue";
import { sqliteStore } from "@postroad/queue-sqlite";
import type { Sample } from "../harness/sample.ts";
import { median } from "../harness/sample.ts";
import { tell } from "../harness/worker.ts";

/** Operations under way at once, and measurements of so many. */
const AT_ONCE = 20;
const WARM_UP = 50;
const MEASUREMENTS = 300;
/** Recipients of each of the mails that wait, and the lanes of all. */
const RECIPIENTS = 1000;
const LANES = 1000;
const MINUTE = 60_000;

const [folder = "", entries] = process.argv.slice(2);
const content = contentOf(Buffer.from(`Subject: Hello\r\n\r\n${"Hello\r\n".repeat(140)}`));
const now = Date.now();

function entryOf(mail: string, number: number, laneNumber: number): Entry {
  const lane = `mail${laneNumber % LANES}.example`;
  const to = envelope("orders@shop.example", [`ann.${number}@${lane}`]);
  const times = { createdAt: now, dueAt: now, agesFrom: now };
  return { key: `${mail}:${number}`, mail, envelope: to, meta: {}, lane, priority: 0, state: "ready", ...times, attempts: 0, lapses: 0, last: [] };
}

/** As many in each lane, one lane after the other. */
async function fill(store: Store, count: number): Promise<void> {
  const perLane = count / LANES;
  const bulk = (number: number, mail: string): Entry => entryOf(mail, number, Math.floor(number / perLane));
  for (let number = 0; number < count; number += RECIPIENTS) {
    await store.add(Array.from({ length: RECIPIENTS }, (_, index) => bulk(number + index, `bulk-${number}`)), content);
  }
}

/** Seconds by the clock, and of all threads, for each of `AT_ONCE` operations. */
interface Cost {
  readonly clock: number;
  readonly cpu: number;
}

async function timed(work: () => Promise<unknown>): Promise<Cost> {
  const [start, before] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(before);
  return { clock: (performance.now() - start) / 1e3 / AT_ONCE, cpu: (user + system) / 1e6 / AT_ONCE };
}

function metrics(name: string, costs: readonly Cost[]): Sample {
  const measured = costs.slice(WARM_UP);
  return { [name]: median(measured.map(({ clock }) => clock)), [`cpu of ${name}`]: median(measured.map(({ cpu }) => cpu)) };
}

async function claimAndSettle(store: Store): Promise<void> {
  const leases = await store.claim({ now: Date.now(), limit: AT_ONCE, perLane: 5, ttl: MINUTE });
  if (leases.length !== AT_ONCE) throw new Error(`claimed ${leases.length} of ${AT_ONCE}`);
  const settled = await Promise.all(leases.map((lease) => store.settle(lease, null)));
  if (settled.includes(false)) throw new Error("a lease was lost");
}

function add(store: Store, round: number): Promise<unknown> {
  const numbers = Array.from({ length: AT_ONCE }, (_, index) => round * AT_ONCE + index);
  return Promise.all(numbers.map((number) => store.add([entryOf(`new-${number}`, number, number)], content)));
}

await using store = sqliteStore(join(folder, "mail.db"));
await fill(store, Number(entries));
const adding: Cost[] = [];
const claiming: Cost[] = [];
for (let round = 0; round < WARM_UP + MEASUREMENTS; round += 1) {
  adding.push(await timed(() => add(store, round)));
  claiming.push(await timed(() => claimAndSettle(store)));
}
tell({ ...metrics("add", adding), ...metrics("claim and settle", claiming) });
process.disconnect();
