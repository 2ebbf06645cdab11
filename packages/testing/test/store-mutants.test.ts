import { contentOf } from "@postroad/core";
import type { Entry, Lease, Store } from "@postroad/queue";
import { memoryStore } from "@postroad/queue";
import { describe, expect, it } from "vitest";
import { storeChecks } from "../src/index.ts";

/** What is wrong, how it comes about, and which checks notice. */
interface Mutant {
  readonly wrong: string;
  readonly checks: readonly string[];
  readonly store: (right: Store) => Partial<Store>;
}

let made = 0;
const other = (): string => `${(made += 1)}`;

const mutants: readonly Mutant[] = [
  {
    wrong: "adds twice what is added twice",
    checks: ["adds an entry once, however often it is added", "#58: adds an entry once of 50 adds at the same time"],
    store: (right) => ({ add: (entries, content) => right.add(entries.map((each) => ({ ...each, key: each.key + other() })), content) }),
  },
  {
    wrong: "adds the entries of a mail one by one, before it has the content",
    checks: ["adds nothing of a mail whose content cannot be read: fails in the middle", "gives nothing of a mail before its add resolves"],
    store: (right) => ({
      async add(entries, content) {
        const added = await right.add(entries, contentOf(Buffer.alloc(0)));
        for await (const _ of content.open());
        return added;
      },
    }),
  },
  {
    wrong: "remembers no keys",
    checks: ["remembers the keys of what is finished"],
    store(right) {
      const finished = new Map<string, string>();
      return {
        add: (entries, content) => right.add(entries.map((each) => ({ ...each, key: finished.get(each.key) ?? each.key })), content),
        settle(lease, next) {
          if (next === null) finished.set(lease.entry.key, lease.entry.key + other());
          return right.settle(lease, next);
        },
      };
    },
  },
  {
    wrong: "gives an entry to two who claim",
    checks: ["gives each entry to one of many who claim at the same time"],
    store(right) {
      let last: readonly Lease[] = [];
      return { claim: async (request) => (last = [...(await right.claim(request)), ...last].slice(0, request.limit)) };
    },
  },
  {
    wrong: "lets an old lease settle",
    checks: ["#54: an old lease neither settles nor renews", "#54: a worker that slept settles nothing of what another has finished"],
    store(right) {
      const latest = new Map<string, Lease>();
      return {
        async claim(request) {
          const leases = await right.claim(request);
          for (const lease of leases) latest.set(lease.entry.key, lease);
          return leases;
        },
        async settle(lease, next) {
          const done = await right.settle(latest.get(lease.entry.key) ?? lease, next);
          if (!done) await right.change({ key: lease.entry.key }, "cancel", 0);
          return true;
        },
      };
    },
  },
  {
    wrong: "renews nothing, and says that it did",
    checks: ["#54: an old lease neither settles nor renews"],
    store: () => ({ renew: async (leases) => leases.map(() => true) }),
  },
  {
    wrong: "gives first what came first",
    checks: ["gives the highest priority first", "gives the highest priority first among what has become due"],
    store: (right) => ({ add: (entries, content) => right.add(entries.map((each) => ({ ...each, priority: 0 })), content) }),
  },
  {
    wrong: "gives beside the limit whatever there is",
    checks: ["gives beside its limit what is urgent, and nothing else"],
    store: (right) => ({ claim: ({ urgent = 0, ...request }) => right.claim({ ...request, limit: request.limit + urgent }) }),
  },
  {
    wrong: "knows nothing of urgent mail",
    checks: ["gives beside its limit what is urgent, and nothing else"],
    store: (right) => ({ claim: (request) => right.claim({ ...request, urgent: 0 }) }),
  },
  {
    wrong: "knows no lanes",
    checks: ["gives in turns between lanes", "gives no lane more leases than its limit, those of all workers together"],
    store: (right) => ({ add: (entries, content) => right.add(entries.map((each) => ({ ...each, lane: "one" })), content) }),
  },
  {
    wrong: "gives what is new before what was tried",
    checks: ["#59: gives in turns what is new and what was tried"],
    store: (right) => ({
      add: (entries, content) => right.add(entries.map((each) => ({ ...each, attempts: 0 })), content),
      settle: (lease, next) => right.settle(lease, next && { ...next, attempts: 0 }),
    }),
  },
  {
    wrong: "does not park",
    checks: ["gives nothing of a parked lane, and everything of the others"],
    store: () => ({ park: async () => undefined }),
  },
  {
    wrong: "does not end the parking",
    checks: ["gives one entry at a time of a lane whose parking is over, until it is ended"],
    store: (right) => ({ park: async (lane, until) => (until === 0 ? undefined : right.park(lane, until)) }),
  },
  {
    wrong: "keeps what is too old",
    checks: ["gives what is too old, whatever its due time and parking, within the limit of its lane"],
    store: (right) => ({ claim: ({ now, limit, perLane, ttl }) => right.claim({ now, limit, perLane, ttl }) }),
  },
  {
    wrong: "gives suspects like any other",
    checks: ["#57: gives what lapsed twice alone, before all others, and only to who asks for it"],
    store: (right) => ({
      async claim(request) {
        const suspects = await right.claim({ ...request, suspects: true });
        return [...suspects, ...(await right.claim({ ...request, suspects: false, limit: request.limit - suspects.length }))];
      },
    }),
  },
  {
    wrong: "knows no suspects",
    checks: [
      "#57: gives what lapsed twice alone, before all others, and only to who asks for it",
      "#57: gives a suspect within its lane's limit and parking, and at once where it has expired or is too old",
    ],
    store: (right) => ({ claim: (request) => right.claim({ ...request, suspects: false }) }),
  },
  {
    wrong: "keeps times to the minute",
    checks: ["#61: tells by get what was settled, also to who lost the answer"],
    store: (right) => ({ settle: (lease, next) => right.settle(lease, next && { ...next, dueAt: next.dueAt - (next.dueAt % 60_000) }) }),
  },
  {
    wrong: "forgets the lapses of what is handed back",
    checks: ["#57, #64: what is handed back is as suspect as it was"],
    store: (right) => ({ settle: (lease, next) => right.settle(lease, next && { ...next, lapses: 0 }) }),
  },
  {
    wrong: "keeps what has expired",
    checks: ["gives what has expired, whatever its due time, its lane's limit and parking"],
    store: (right) => ({ add: (entries, content) => right.add(entries.map(unexpiring), content) }),
  },
  {
    wrong: "believes the clock",
    checks: [
      "#55: a clock that goes back by 60 minutes leaves everything the time it had",
      "#55: a clock that goes on by 2 hours makes nothing older",
    ],
    store(right) {
      // Steps small enough for the right store not to notice.
      let last: number | undefined;
      return {
        async claim(request) {
          const step = request.now < (last ?? request.now) ? -50_000 : 3_000_000;
          for (let now = last ?? request.now; step < 0 ? now > request.now : now < request.now; now += step) {
            await right.claim({ ...request, now, limit: 0 });
          }
          last = request.now;
          return right.claim(request);
        },
      };
    },
  },
  {
    wrong: "lets what is added age with what was there",
    checks: [
      "#55: what is added after nobody was there for ten days begins to age then",
      "#55: what is added after the clock went back by ten days begins to age then",
      "#55: what is added by somebody whose clock is ten days behind begins to age then",
    ],
    store: (right) => ({
      add: (entries, content) => right.add(entries.map((each) => ({ ...each, createdAt: 1_800_000_000_000 })), content),
    }),
  },
  {
    wrong: "cancels what is in flight",
    checks: ["#62: leaves to its worker what is in flight: cancel"],
    store: (right) => ({
      change: (selection, what, now) => right.change(selection, what, now + (what === "cancel" ? 100 * 3_600_000 : 0)),
    }),
  },
  {
    wrong: "gives other bytes",
    checks: ["gives back a content of 65536 bytes", "gives back a content in any form: single bytes"],
    store: () => ({ read: () => contentOf(Buffer.from("other")) }),
  },
  {
    wrong: "wakes nobody",
    checks: ["wakes who watches, until they end it"],
    store: () => ({ watch: () => () => undefined }),
  },
  {
    wrong: "says that there is nothing to wait for",
    checks: ["says when there may be something to claim", "says when what was tried is due again"],
    store: () => ({ nextDue: async () => undefined }),
  },
  {
    wrong: "lists all there is on every page",
    checks: ["lists in the order of keys, page by page"],
    store: (right) => ({ list: (request) => right.list({ ...request, limit: 1000 }) }),
  },
  {
    wrong: "works on after it was disposed",
    checks: ["can be disposed twice, and refuses everything afterwards"],
    store: () => ({ [Symbol.asyncDispose]: async () => undefined }),
  },
];

function unexpiring(entry: Entry): Entry {
  const { expiresAt: _, ...rest } = entry;
  return rest;
}

describe("testStore", () => {
  it.for(mutants.flatMap((mutant) => mutant.checks.map((check) => [mutant.wrong, check, mutant] as const)))(
    "notices a store that %s: %s",
    async ([, name, mutant]) => {
      const check = storeChecks.find((each) => each.name === name);
      expect(check).toBeDefined();
      function open(): Store {
        const right = memoryStore();
        return { ...right, ...mutant.store(right) };
      }
      await expect(check?.run({ open, patience: 300 })).rejects.toBeInstanceOf(Error);
    },
  );
});
