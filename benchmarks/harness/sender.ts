import type { Load } from "./measure.ts";

/** Which mails a sender sends, and where. */
export interface Task {
  /** Of the receiver, on 127.0.0.1, in plain text. */
  readonly port: number;
  readonly connections: number;
  /** `composed`: each from its fields, each another. `prebuilt`: from bytes that are there already. */
  readonly mail: "composed" | "prebuilt";
  /** Bytes of text in each. */
  readonly size: number;
  readonly load: Load;
}

/** Keeps the connections busy until the load has no more mails. Throws where the receiver did not take one. */
export type Sender = (task: Task) => Promise<void>;

/** Mails handed over for each connection, so that one is always waiting. */
const LANES = 8;

/** Sends with so many at a time that every connection always has the next mail waiting. */
export async function keepBusy({ connections, load }: Task, send: (number: number) => Promise<void>): Promise<void> {
  async function lane(): Promise<void> {
    for (let number = load.next(); number !== undefined; number = load.next()) {
      await send(number);
      load.done();
    }
  }
  await Promise.all(Array.from({ length: connections * LANES }, lane));
}

/** The item whose turn it is. */
export function turn<T>(items: readonly T[], number: number): T {
  const item = items[number % items.length];
  if (item === undefined) throw new RangeError("there are no items");
  return item;
}
