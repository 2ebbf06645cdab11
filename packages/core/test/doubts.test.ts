import { DOUBTS, doubts, mailboxKey, withDoubts } from "@postroad/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const anyDoubts = fc.dictionary(fc.string(), fc.string()).map((known) => new Map(Object.entries(known)));
const anyNotes = fc.dictionary(fc.string(), fc.string());

describe("doubts", () => {
  it("reads what withDoubts notes, whatever the addresses and names are", () => {
    fc.assert(
      fc.property(anyNotes, anyDoubts, (meta, known) => {
        const expected = new Map([...known].map(([address, by]) => [mailboxKey(address), by]));
        expect(doubts(withDoubts(meta, known))).toEqual(expected);
      }),
    );
  });

  it("finds a mailbox by any spelling of its domain", () => {
    expect(doubts({ [DOUBTS]: '{"Ann@X.Example":"smtp:a"}' }).get("Ann@x.example")).toBe("smtp:a");
  });

  it("#16: takes __proto__ for an address like any other", () => {
    const known = new Map([["__proto__", "smtp:a"]]);
    expect(doubts(withDoubts({}, known))).toEqual(known);
    expect(doubts({}).size).toBe(0);
  });

  it.each(["", "{", "null", "7", '"smtp:a"', "[]", '["smtp:a"]', '{"ann@x":7}', '{"ann@x":null}', '{"ann@x":{"by":"a"}}'])(
    "takes nothing from what is no such note: %s",
    (note) => expect(doubts({ [DOUBTS]: note }).size).toBe(0),
  );

  it("never throws", () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (note) => void doubts({ [DOUBTS]: note })));
  });
});

describe("withDoubts", () => {
  it("keeps other notes, and replaces what was in doubt before", () => {
    const before = withDoubts({ tenant: "blue" }, new Map([["ann@x", "smtp:a"]]));
    expect(withDoubts(before, new Map([["bob@x", "smtp:b"]]))).toEqual({ tenant: "blue", [DOUBTS]: '{"bob@x":"smtp:b"}' });
  });

  it("takes the note off where nobody is in doubt", () => {
    expect(withDoubts({ tenant: "blue", [DOUBTS]: "{}" }, new Map())).toEqual({ tenant: "blue" });
  });
});
