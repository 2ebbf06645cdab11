import type { Built } from "../../harness/mails.ts";

/** A mail on its way into a queue. */
export interface Posted extends Built {
  /** No other mail has it. */
  readonly id: string;
  /** Before the rest. @default false */
  readonly urgent?: boolean;
}

export interface Delivery {
  /** Of the receiver on 127.0.0.1, in plain text. */
  readonly port: number;
  /** Told when a mail was delivered and that is on disk. */
  readonly onDelivered: (id: string) => void;
}

/** A durable queue, and the worker that delivers what is in it. */
export interface DurableQueue extends AsyncDisposable {
  /** On disk when it resolves. */
  add(mail: Posted): Promise<void>;
  /** Many at once, for a queue that has to be long before anything is measured. */
  fill(mails: readonly Posted[]): Promise<void>;
  /** Starts the worker. Up to `IN_FLIGHT` mails are under way at a time. */
  deliver(delivery: Delivery): void;
}

/** Opens one that keeps its data in the folder, or in the server at `port` where it needs one. */
export type OpenQueue = (place: { readonly folder: string; readonly port: number }) => Promise<DurableQueue>;

export const IN_FLIGHT = 20;
