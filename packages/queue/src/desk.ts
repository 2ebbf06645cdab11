import type { Mail, Outcome, Transport } from "@postroad/core";
import type { Policy } from "./drain-options.ts";
import type { About, QueueEvent } from "./events.ts";
import type { Flight, Flights } from "./flights.ts";
import type { LaneMemory } from "./lane-memory.ts";
import type { Settler } from "./settler.ts";
import type { Entry, Store } from "./store.ts";

/** What everybody at work on entries needs. */
export interface Desk {
  readonly name: string;
  readonly store: Store;
  readonly to: Transport;
  readonly policy: Policy;
  readonly lanes: LaneMemory;
  readonly flights: Flights;
  readonly settler: Settler;
  readonly emit: (event: QueueEvent) => void;
}

export function aboutOf({ key, mail, lane, meta }: Entry): About {
  return { key, mail, lane, meta };
}

export function describe(outcome: Outcome): string {
  const { recipient, status, reply } = outcome;
  const message = outcome.kind === "accepted" ? "" : outcome.message;
  return `${recipient} ${status} ${reply === undefined ? message : `${reply.code} ${reply.text}`}`;
}

/** The mail as it was queued, for a report. */
export function mailOf({ store }: Desk, { lease }: Flight): Mail {
  const { mail: id, envelope, meta } = lease.entry;
  return { id, envelope, meta, content: store.read(lease) };
}
