import type { ConfigIssue, Mail, Rules, Transport } from "@postroad/core";
import { ConfigError, checkOptions, isFunction, isObject, isOneOf } from "@postroad/core";
import type { Health } from "./health.ts";
import { health as newHealth } from "./health.ts";
import { choosing } from "./members.ts";
import { checkMembers, several } from "./several.ts";
import type { Strategy } from "./strategy.ts";
import { leastInFlight, roundRobin, sticky, weighted } from "./strategy.ts";

export interface BalanceOptions {
  /** How the transport for a mail is chosen. @default "round-robin" */
  readonly strategy?: "round-robin" | "weighted" | "least-in-flight" | "sticky";
  /** For "weighted": a whole number from 1 to 1000 for each transport, its share of the mails. */
  readonly weights?: readonly number[];
  /** For "sticky": mails of one key go to one transport, and to another only while that is down. */
  readonly key?: (mail: Mail) => string;
  /** What is known of the transports; share it between composites. @default health() */
  readonly health?: Health;
}

const rules: Rules<BalanceOptions> = {
  strategy: isOneOf("round-robin", "weighted", "least-in-flight", "sticky"),
  weights: (value) => (Array.isArray(value) && value.every(isWeight) ? undefined : "must be whole numbers from 1 to 1000"),
  key: isFunction,
  health: isObject,
};

/**
 * Sends each mail to one of the transports, passing over those that are down. It tries no other when that one defers:
 * a retry around it does, or a failover.
 */
export function balance<M extends Mail>(transports: readonly Transport<M>[], options: BalanceOptions = {}): Transport<M> {
  checkMembers("balance", transports);
  checkOptions("balance", options, rules);
  const strategy = strategyOf(options, transports.length);
  const { health = newHealth() } = options;
  const inFlight = transports.map(() => 0);

  const name = `balance(${transports.map((transport) => transport.name).join(" ")})`;
  const send = choosing<M>(name, transports, health, async (mail, sending, ask) => {
    const all = [...transports.keys()];
    const up = all.filter((index) => health.state(transportAt(index)) !== "down");
    const index = strategy(mail, up.length > 0 ? up : all, inFlight);
    inFlight[index] = (inFlight[index] ?? 0) + 1;
    try {
      return (await ask(transportAt(index), mail, sending)).report;
    } finally {
      inFlight[index] = (inFlight[index] ?? 1) - 1;
    }
  });

  function transportAt(index: number): Transport<M> {
    const found = transports[index];
    if (found === undefined) throw new RangeError(`balance has no transport ${index}`);
    return found;
  }

  return several(name, transports, "all", send);
}

function strategyOf({ strategy = "round-robin", weights, key }: BalanceOptions, count: number): Strategy {
  const issues: ConfigIssue[] = [];
  if (weights !== undefined && strategy !== "weighted") issues.push({ path: "weights", message: `is for strategy "weighted"` });
  if (key !== undefined && strategy !== "sticky") issues.push({ path: "key", message: `is for strategy "sticky"` });
  if (strategy === "weighted" && weights?.length !== count) {
    issues.push({ path: "weights", message: `must be ${count} numbers, one for each transport` });
  }
  if (strategy === "sticky" && key === undefined) issues.push({ path: "key", message: `is missing; "sticky" needs it` });
  if (issues.length > 0) throw new ConfigError("balance", issues);
  if (strategy === "weighted" && weights !== undefined) return weighted(weights);
  if (strategy === "sticky" && key !== undefined) return sticky(key);
  return strategy === "least-in-flight" ? leastInFlight() : roundRobin();
}

function isWeight(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 1000;
}
