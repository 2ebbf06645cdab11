import type { Mail, Outcome, Receipt } from "@postroad/core";
import { contentOf, envelope } from "@postroad/core";
import type { FakeScript, FakeVerdict } from "@postroad/testing";
import fc from "fast-check";

let made = 0;

export function mailTo(...to: readonly string[]): Mail {
  made += 1;
  const content = contentOf(new TextEncoder().encode("Subject: Hi\r\nX-Stream: bulk\r\n\r\nHi\r\n"));
  return { id: `m${made}`, envelope: envelope("sender@example.org", to), content, meta: { tenant: "blue" } };
}

export function kinds({ outcomes }: Receipt): readonly Outcome["kind"][] {
  return outcomes.map(({ kind }) => kind);
}

/** A deferral as a client gives it that gets no connection. */
export const unreachable: FakeVerdict = { kind: "deferred", status: "4.4.1", message: "connection refused" };

/** A deferral as a server gives it for a recipient. */
export const full: FakeVerdict = { kind: "deferred", status: "4.2.2", reply: { code: 452, text: "4.2.2 full" } };

export const people = ["ann@x.example", "bob@x.example", "cid@y.example", "dan@z.example"] as const;

const anyVerdict: fc.Arbitrary<FakeVerdict> = fc.constantFrom<FakeVerdict[]>(
  "accepted",
  "deferred",
  "uncertain",
  "rejected",
  unreachable,
  full,
);

/** What becomes of each attempt, for any of `people`. */
export const anyScript: fc.Arbitrary<FakeScript> = fc.dictionary(
  fc.constantFrom(...people),
  fc.array(anyVerdict, { minLength: 1, maxLength: 3 }),
);
