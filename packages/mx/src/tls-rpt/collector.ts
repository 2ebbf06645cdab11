import { randomUUID } from "node:crypto";
import type { ReportedPolicy, TlsObservation } from "./observation.ts";

/** Milliseconds of a day, the window of a report (RFC 8460 §4.1). */
export const DAY = 86_400_000;

/** Sessions that failed alike. */
export interface FailureCount {
  readonly failure: NonNullable<TlsObservation["failure"]>;
  readonly host: string | undefined;
  readonly address: string | undefined;
  count: number;
}

/** What became of sessions under one policy. */
export interface PolicyCount {
  readonly policy: ReportedPolicy;
  succeeded: number;
  failed: number;
  readonly failures: Map<string, FailureCount>;
}

/** What became of a domain's sessions on one day. */
export interface DomainDay {
  /** Of its report, however often that is sent. */
  readonly id: string;
  readonly domain: string;
  /** When the day began, in milliseconds since 1970. */
  readonly start: number;
  readonly policies: Map<string, PolicyCount>;
}

export interface Collector {
  record(observation: TlsObservation): void;
  /** Days that have begun before this moment. */
  before(moment: number): readonly DomainDay[];
  forget(day: DomainDay): void;
}

/** Of one domain and day; what is beyond is counted, but not told apart. */
const MOST_POLICIES = 20;
const MOST_FAILURES = 100;

/** Adds observations up, by day (UTC), domain and policy. Of more than `most` domains nothing is taken down. */
export function collector(most: number, clock: () => number): Collector {
  const days = new Map<string, DomainDay>();
  return {
    record(observation) {
      const start = Math.floor(clock() / DAY) * DAY;
      const key = `${start} ${observation.domain}`;
      const day = days.get(key) ?? { id: randomUUID(), domain: observation.domain, start, policies: new Map() };
      if (days.size < most) days.set(key, day);
      count(day, observation);
    },
    before: (moment) => [...days.values()].filter(({ start }) => start < moment),
    forget: ({ domain, start }) => void days.delete(`${start} ${domain}`),
  };
}

function count({ policies }: DomainDay, { policy, failure, host, address }: TlsObservation): void {
  const key = JSON.stringify(policy);
  const counts = policies.get(key) ?? { policy, succeeded: 0, failed: 0, failures: new Map<string, FailureCount>() };
  if (policies.size < MOST_POLICIES) policies.set(key, counts);
  if (failure === undefined) {
    counts.succeeded += 1;
    return;
  }
  counts.failed += 1;
  const kind = JSON.stringify([failure, host, address]);
  const alike = counts.failures.get(kind) ?? { failure, host, address, count: 0 };
  if (counts.failures.size < MOST_FAILURES) counts.failures.set(kind, alike);
  alike.count += 1;
}
