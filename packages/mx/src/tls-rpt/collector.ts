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
  id: string;
  readonly domain: string;
  /** When the day began, in milliseconds since 1970. */
  readonly start: number;
  readonly policies: Map<string, PolicyCount>;
}

/** The same as plain data, to be kept. */
export interface KeptDay {
  readonly id: string;
  readonly domain: string;
  readonly start: number;
  readonly policies: readonly {
    readonly policy: ReportedPolicy;
    readonly succeeded: number;
    readonly failed: number;
    readonly failures: readonly (Pick<TlsObservation, "host" | "address"> & { readonly failure: FailureCount["failure"]; readonly count: number })[];
  }[];
}

export interface Collector {
  record(observation: TlsObservation): void;
  /** Days that have begun before this moment. */
  before(moment: number): readonly DomainDay[];
  forget(day: DomainDay): void;
  kept(): readonly KeptDay[];
  /** Adds what was kept to what is there. */
  add(days: readonly KeptDay[]): void;
}

/** Of one domain and day; what is beyond is counted, but not told apart. */
const MOST_POLICIES = 20;
const MOST_FAILURES = 100;

/** Adds observations up, by day (UTC), domain and policy. Of more than `most` domains nothing is taken down. */
export function collector(most: number, clock: () => number): Collector {
  const days = new Map<string, DomainDay>();

  function dayOf(domain: string, start: number): DomainDay {
    const key = `${start} ${domain}`;
    const day = days.get(key) ?? { id: randomUUID(), domain, start, policies: new Map() };
    if (days.size < most) days.set(key, day);
    return day;
  }

  return {
    record: (observation) => count(dayOf(observation.domain, Math.floor(clock() / DAY) * DAY), observation),
    kept: () => [...days.values()].map(keptDay),
    add(kept) {
      for (const { domain, start, id, policies } of kept) {
        const day = dayOf(domain, start);
        day.id = id;
        for (const each of policies) addKept(day, each);
      }
    },
    before: (moment) => [...days.values()].filter(({ start }) => start < moment),
    forget: ({ domain, start }) => void days.delete(`${start} ${domain}`),
  };
}

function keptDay({ id, domain, start, policies }: DomainDay): KeptDay {
  return { id, domain, start, policies: [...policies.values()].map((each) => ({ ...each, failures: [...each.failures.values()].map(keptFailure) })) };
}

function keptFailure({ host, address, ...rest }: FailureCount): KeptDay["policies"][number]["failures"][number] {
  return { ...rest, ...(host !== undefined && { host }), ...(address !== undefined && { address }) };
}

function countsOf({ policies }: DomainDay, policy: ReportedPolicy): PolicyCount {
  const key = JSON.stringify(policy);
  const counts = policies.get(key) ?? { policy, succeeded: 0, failed: 0, failures: new Map<string, FailureCount>() };
  if (policies.size < MOST_POLICIES) policies.set(key, counts);
  return counts;
}

function addFailures({ failures }: PolicyCount, { failure, host, address }: Omit<FailureCount, "count">, times: number): void {
  const kind = JSON.stringify([failure, host, address]);
  const alike = failures.get(kind) ?? { failure, host, address, count: 0 };
  if (failures.size < MOST_FAILURES) failures.set(kind, alike);
  alike.count += times;
}

function count(day: DomainDay, { policy, failure, host, address }: TlsObservation): void {
  const counts = countsOf(day, policy);
  if (failure === undefined) {
    counts.succeeded += 1;
    return;
  }
  counts.failed += 1;
  addFailures(counts, { failure, host, address }, 1);
}

function addKept(day: DomainDay, { policy, succeeded, failed, failures }: KeptDay["policies"][number]): void {
  const counts = countsOf(day, policy);
  counts.succeeded += succeeded;
  counts.failed += failed;
  for (const { failure, host, address, count: times } of failures) addFailures(counts, { failure, host, address }, times);
}
