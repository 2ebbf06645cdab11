/** What a server has taken so far. */
export interface Counts {
  messages: number;
  bytes: number;
}

export interface Place {
  /** For its files; whoever starts the server removes it. */
  readonly folder: string;
  /** Of the receiver on 127.0.0.1 to which it relays, if it does. */
  readonly receiver: number;
}

/** Starts a server on a free port of 127.0.0.1, and gives that. It counts what it takes. */
export type StartServer = (counts: Counts, place: Place) => Promise<number>;
