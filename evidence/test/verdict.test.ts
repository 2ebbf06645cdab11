import { describe, expect, it } from "vitest";
import type { Copy, Submission } from "../durability/ledgers.ts";
import type { Books } from "../durability/verdict.ts";
import { judge } from "../durability/verdict.ts";

const mail: Submission = { id: "a", sender: "sender.a@senders.example", recipients: ["taken.a.0@d.example", "refused.a.1@d.example"], hash: "h", told: "accepted" };
const copy: Copy = { id: "a", recipient: "taken.a.0@d.example", hash: "h", at: 100 };
const report = { id: "<r>", to: mail.sender, recipients: ["refused.a.1@d.example"], at: 200 };
const good: Books = {
  submissions: [mail],
  sink: { copies: [copy], reports: [report] },
  settled: [{ mail: "s", recipient: copy.recipient, at: 110 }],
  kills: [105],
  concurrency: 1,
};

/** The first words of what does not hold. */
function failing(books: Partial<Books>): readonly string[] {
  return judge({ ...good, ...books }).filter(({ holds }) => !holds).map(({ what }) => what.slice(0, 2));
}

describe("the two ledgers", () => {
  it("I1 to I5 hold where every recipient is delivered or bounced once", () => {
    expect(failing({})).toEqual([]);
  });

  it("I1: a recipient that is neither delivered nor bounced is lost, and one mail is delivered for some only", () => {
    expect(failing({ sink: { copies: [copy], reports: [] } })).toEqual(["I1", "I5"]);
  });

  it("I1: a mail whose sender got no answer may be lost, but not for some of its recipients", () => {
    const unknown = { ...mail, id: "b", recipients: ["taken.b.0@d.example", "taken.b.1@d.example"], told: "unknown" } as const;
    expect(failing({ submissions: [mail, unknown] })).toEqual([]);
    const half = { ...copy, id: "b", recipient: "taken.b.0@d.example" };
    expect(failing({ submissions: [mail, unknown], sink: { copies: [copy, half], reports: [report] } })).toEqual(["I5"]);
  });

  it("I2: a second copy is allowed where there was a kill after the first, before it was written down", () => {
    const second = { ...copy, at: 109 };
    expect(failing({ sink: { copies: [copy, second], reports: [report] } })).toEqual([]);
  });

  it.for([
    ["without a kill", { ...copy, at: 104 }, {}],
    ["after it was written down that the first was delivered", { ...copy, at: 120 }, {}],
    ["more often than there were kills", { ...copy, at: 109 }, { concurrency: 0 }],
  ] as const)("I2: a second copy is a fault %s", ([, second, rest]) => {
    expect(failing({ sink: { copies: [copy, second], reports: [report] }, ...rest })).toEqual(["I2"]);
  });

  it("I2: a second report on a recipient that is not a copy of the first is a fault", () => {
    const other = { ...report, id: "<other>", at: 210 };
    expect(failing({ sink: { copies: [copy], reports: [report, other] }, kills: [105, 205], concurrency: 2 })).toEqual(["I2"]);
  });

  it.for(["deferred", "rejected", "unsent"] as const)("I3: what was answered with no success, but %s, must not arrive", (told) => {
    const other = { ...mail, id: "b", recipients: ["taken.b.0@d.example"], told };
    const arrived = { ...copy, id: "b", recipient: "taken.b.0@d.example" };
    expect(failing({ submissions: [mail, other], sink: { copies: [copy, arrived], reports: [report] } })).toEqual(["I3"]);
  });

  it("I3, I4, I5: a mail that nobody sent is a phantom, is corrupt and has recipients of its own", () => {
    const phantom = { ...copy, id: "z", recipient: "taken.z.0@d.example" };
    expect(failing({ sink: { copies: [copy, phantom], reports: [report] } })).toEqual(["I3", "I4", "I5"]);
  });

  it("I4: a copy with other bytes is corrupt", () => {
    expect(failing({ sink: { copies: [{ ...copy, hash: "other" }], reports: [report] } })).toEqual(["I4"]);
  });

  it("I5: a report to anybody but the sender is astray", () => {
    expect(failing({ sink: { copies: [copy], reports: [{ ...report, to: "eve@e.example" }] } })).toEqual(["I5"]);
  });
});
