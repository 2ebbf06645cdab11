import type { Rules } from "@postroad/core";
import { checkOptions, isFunction, isInteger } from "@postroad/core";
import { anchoredClock } from "./clock.ts";
import type { AcceptedEvent, SupersededEvent } from "./events.ts";
import type { LaneOf } from "./lane.ts";
import { laneByDomain } from "./lane.ts";
import { isPriority } from "./mail-options.ts";

export interface QueueOptions {
  /** The destination of a recipient. @default its domain, in lower case and with A-labels */
  readonly lane?: LaneOf;
  /** Bytes per mail at most; a larger one is rejected with 5.3.4. @default 52_428_800, 50 MiB */
  readonly maxSize?: number;
  /** Recipients per entry at most: those of a lane that are more become several entries. A server has to take 100 (RFC 5321 §4.5.3.1.8). @default 100 */
  readonly maxRecipients?: number;
  /** Priority of mail that asks for none, -9 to 9. @default 0 */
  readonly priority?: number;
  /** Told of what was accepted, and of what gave way to it. What it throws becomes a warning. */
  readonly onEvent?: (event: AcceptedEvent | SupersededEvent) => void;
  /** The time in milliseconds since 1970. @default set by the wall clock now, running on the monotonic one, as a worker's is */
  readonly now?: () => number;
}

const rules: Rules<QueueOptions> = {
  lane: isFunction,
  maxSize: isInteger(1),
  maxRecipients: isInteger(1, 10_000),
  priority: isPriority,
  onEvent: isFunction,
  now: isFunction,
};

export type QueuePolicy = Required<Omit<QueueOptions, "onEvent">> & Pick<QueueOptions, "onEvent">;

export function resolveQueueOptions(options: QueueOptions): QueuePolicy {
  checkOptions("queue", options, rules);
  const clock = anchoredClock();
  const { lane = laneByDomain, maxSize = 52_428_800, maxRecipients = 100, priority = 0, now = () => clock.now(), onEvent } = options;
  return { lane, maxSize, maxRecipients, priority, now, ...(onEvent !== undefined && { onEvent }) };
}
