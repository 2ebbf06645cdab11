import type { Mail, Outcome, Receipt } from "@postroad/core";
import type { Attributes, Histogram, Meter } from "@opentelemetry/api";
import { categoryOf, errorAttributes, operationAttributes, verdictOf, withoutAddresses } from "./attributes.ts";
import * as names from "./names.ts";
import { retriesCounter } from "./observe.ts";
import type { Resolved } from "./options.ts";

export interface Metrics {
  /** A mail is settled, after so many seconds. */
  settled(report: Receipt, seconds: number): void;
  /** So many recipients are tried once more. */
  retried(count: number): void;
}

/** Seconds: from a local hand-over to the ten minutes of a last reply. */
const BOUNDARIES = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600];

export function makeMetrics({ meter, producer, consumer }: Resolved, name: string): Metrics {
  const transport = withoutAddresses(name);
  const outcomes = meter.createCounter(names.OUTCOMES, {
    unit: "{recipient}",
    description: "Recipients by what became of them",
  });
  const retries = retriesCounter(meter);
  const duration = seconds(meter, names.SEND_DURATION, "Time until a mail was settled");
  const queue = queueMetrics(meter, producer, consumer);

  return {
    settled(report, took) {
      for (const outcome of report.outcomes) outcomes.add(1, outcomeAttributes(outcome));
      duration.record(took, { [names.TRANSPORT]: transport, [names.OUTCOME]: overall(report) });
      queue?.(report, took);
    },
    retried: (count) => retries.add(count, { [names.TRANSPORT]: transport }),
  };
}

type Settled = (report: Receipt, seconds: number) => void;

/** The messaging conventions have names of their own for what goes into a queue, and comes out of it. */
function queueMetrics(meter: Meter, producer: string | undefined, consumer: string | undefined): Settled | undefined {
  if (producer === undefined && consumer === undefined) return undefined;
  const isProducer = producer !== undefined;
  const counter = meter.createCounter(isProducer ? names.MESSAGING_SENT : names.MESSAGING_CONSUMED, { unit: "{message}" });
  const name = isProducer ? names.MESSAGING_OPERATION_DURATION : names.MESSAGING_PROCESS_DURATION;
  const duration = seconds(meter, name, isProducer ? "Time to put a mail into the queue" : "Time to send a mail of the queue");
  const attributes = operationAttributes(isProducer ? "send" : "process", producer ?? consumer);
  return ({ outcomes }, took) => {
    const all = { ...attributes, ...errorAttributes(outcomes) };
    counter.add(1, all);
    duration.record(took, all);
  };
}

function seconds(meter: Meter, name: string, description: string): Histogram {
  return meter.createHistogram(name, { unit: "s", description, advice: { explicitBucketBoundaries: BOUNDARIES } });
}

function outcomeAttributes(outcome: Outcome): Attributes {
  return {
    [names.OUTCOME]: verdictOf(outcome),
    [names.STATUS_CATEGORY]: categoryOf(outcome),
    [names.TRANSPORT]: withoutAddresses(outcome.by),
  };
}

function overall({ outcomes }: Receipt): string {
  const verdicts = new Set(outcomes.map(verdictOf));
  return verdicts.size === 1 ? ([...verdicts][0] ?? "mixed") : "mixed";
}

/** Recipients that have been tried in the course of one send. */
export function retryCounter(): { count(mail: Mail): number } {
  const tried = new Set<string>();
  return {
    count({ envelope }) {
      const before = tried.size;
      for (const { address } of envelope.to) tried.add(address);
      return envelope.to.length - (tried.size - before);
    },
  };
}
