import type { Load } from "./measure.ts";

/** Which mails a sender sends, and where. */
export interface Task {
  /** Of the receiver, on 127.0.0.1, in plain text unless `tls`. */
  readonly port: number;
  /** TLS from the first byte; nobody verifies the receiver's certificate. */
  readonly tls: boolean;
  /** Of each mail; only where it is prebuilt. */
  readonly recipients: number;
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

/** So many addresses, of which `to` is one. */
export function recipientsOf(to: string, count: number): readonly string[] {
  return [to, ...Array.from({ length: count - 1 }, (_, index) => `copy.${index}.${to}`)];
}

/** The item whose turn it is. */
export function turn<T>(items: readonly T[], number: number): T {
  const item = items[number % items.length];
  if (item === undefined) throw new RangeError("there are no items");
  return item;
}
