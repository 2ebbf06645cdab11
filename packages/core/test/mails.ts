import type { ForAll, Mail, Outcome, Receipt } from "@postroad/core";
import { contentOf, envelope } from "@postroad/core";
import fc from "fast-check";

export const accepted: ForAll<Outcome> = { kind: "accepted", status: "2.0.0", by: "test" };
export const deferred: ForAll<Outcome> = { kind: "deferred", status: "4.2.2", by: "test", message: "later" };
export const doubtful: ForAll<Outcome> = { ...deferred, uncertain: true };
export const rejected: ForAll<Outcome> = { kind: "rejected", status: "5.1.1", by: "test", message: "no" };

export function mailTo(...to: readonly string[]): Mail {
  return {
    id: "m1",
    envelope: envelope("a@x", to),
    content: contentOf(new TextEncoder().encode("Subject: Hi\r\n\r\nHi\r\n")),
    meta: { tenant: "t" },
  };
}

/** A receipt from pairs of address and verdict. */
export function told(...pairs: readonly (readonly [string, ForAll<Outcome>])[]): Receipt {
  return { mail: "m1", outcomes: pairs.map(([recipient, verdict]): Outcome => ({ ...verdict, recipient })) };
}

export const anyVerdict: fc.Arbitrary<ForAll<Outcome>> = fc.constantFrom(accepted, deferred, doubtful, rejected);

const people = ["ann@x", "Ann@x", "bob@x", "bob@y", '"c d"@x', "dörte@y"];

/** A mail for one to six people, in any order. */
export const anyMail: fc.Arbitrary<Mail> = fc.shuffledSubarray(people, { minLength: 1 }).map((to) => mailTo(...to));

/** A receipt about some of the people, strangers too, some more than once. */
export const anyReceipt: fc.Arbitrary<Receipt> = fc
  .array(fc.tuple(fc.constantFrom(...people, "stranger@z"), anyVerdict), { maxLength: 8 })
  .map((pairs) => told(...pairs));

/** A receipt with one outcome for each recipient of the mail. */
export function fullReceipt({ envelope: { to } }: Mail): fc.Arbitrary<Receipt> {
  return fc
    .array(anyVerdict, { minLength: to.length, maxLength: to.length })
    .map((verdicts) => told(...to.map(({ address }, index) => [address, verdicts[index] ?? accepted] as const)));
}
