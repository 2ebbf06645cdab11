import { describe, expect, it } from "vitest";
import { remember } from "../src/memory.ts";
import { mailTo, people } from "./support.ts";

const [ANN, BOB, CID] = people;

describe("what is remembered of recipients", () => {
  it("is known by id and mailbox, and forgotten when told", () => {
    const known = remember<number>();
    const [mail, other] = [mailTo(ANN), mailTo(ANN)];
    known.set(mail, ANN, 1);
    expect(known.get({ ...other, id: mail.id }, "ann@X.EXAMPLE")).toBe(1);
    expect([known.get(other, ANN), known.get(mail, BOB)]).toEqual([undefined, undefined]);
    known.delete(mail, ANN);
    expect([known.get(mail, ANN), known.isEmpty]).toEqual([undefined, true]);
  });

  it("is bounded: what was noted longest ago goes first", () => {
    const known = remember<number>(2);
    const mail = mailTo(ANN);
    for (const address of [ANN, BOB, ANN, CID]) known.set(mail, address, 1);
    expect([ANN, BOB, CID].map((address) => known.get(mail, address))).toEqual([1, undefined, 1]);
  });
});
