import type { Outcome, Receipt } from "@postroad/core";
import { merge, narrow, pick, receipt } from "@postroad/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { accepted, anyMail, anyReceipt, deferred, doubtful, fullReceipt, mailTo, rejected, told } from "./mails.ts";

const isDeferred = ({ kind }: Outcome): boolean => kind === "deferred";
const addresses = (list: readonly { readonly address: string }[]): readonly string[] =>
  list.map(({ address }) => address);
const recipients = ({ outcomes }: Receipt): readonly string[] => outcomes.map(({ recipient }) => recipient);

const silence = {
  kind: "deferred",
  status: "4.3.0",
  by: "core",
  message: "no transport reported on this recipient",
  uncertain: true,
} as const;

describe("receipt", () => {
  it("gives everybody the same verdict, or each their own", () => {
    const mail = mailTo("ann@x", "bob@x");
    expect(receipt(mail, accepted)).toEqual(told(["ann@x", accepted], ["bob@x", accepted]));
    const each = receipt(mail, ({ address }, index) => ({ ...(index === 0 ? accepted : rejected), by: address }));
    expect(each).toEqual(told(["ann@x", { ...accepted, by: "ann@x" }], ["bob@x", { ...rejected, by: "bob@x" }]));
  });

  it("names recipients as the envelope does, whatever the verdict says", () => {
    const stray = { ...accepted, recipient: "stranger@z" };
    expect(recipients(receipt(mailTo("ann@x"), stray))).toEqual(["ann@x"]);
  });
});

describe("merge", () => {
  it("takes the later outcome, in the order of the envelope", () => {
    const mail = mailTo("ann@x", "bob@x", "cid@x");
    const first = told(["cid@x", deferred], ["ann@x", accepted], ["bob@x", deferred]);
    expect(merge(mail, first, told(["bob@x", rejected]))).toEqual(
      told(["ann@x", accepted], ["bob@x", rejected], ["cid@x", deferred]),
    );
  });

  it("defers in doubt whom nobody reported on", () => {
    expect(merge(mailTo("ann@x", "bob@x"), told(["bob@x", accepted]))).toEqual(
      told(["ann@x", silence], ["bob@x", accepted]),
    );
    expect(merge(mailTo("ann@x"))).toEqual(told(["ann@x", silence]));
  });

  it("leaves out strangers", () => {
    expect(merge(mailTo("ann@x"), told(["stranger@z", accepted], ["ann@x", accepted]))).toEqual(
      told(["ann@x", accepted]),
    );
  });

  it("knows a mailbox by another spelling of its domain, and names it as the envelope does", () => {
    expect(merge(mailTo("ann@Example.NET"), told(["ann@example.net", accepted]))).toEqual(
      told(["ann@Example.NET", accepted]),
    );
    expect(merge(mailTo("ann@x"), told(["Ann@x", accepted]))).toEqual(told(["ann@x", silence]));
  });

  it("keeps doubt until somebody accepts or rejects", () => {
    const mail = mailTo("ann@x");
    const [sure, doubt] = [told(["ann@x", deferred]), told(["ann@x", doubtful])];
    expect(merge(mail, doubt, sure)).toEqual(doubt);
    expect(merge(mail, doubt, sure, sure)).toEqual(doubt);
    expect(merge(mail, sure, doubt)).toEqual(doubt);
    for (const verdict of [accepted, rejected])
      expect(merge(mail, doubt, told(["ann@x", verdict]))).toEqual(told(["ann@x", verdict]));
    expect(merge(mail, doubt, told(["ann@x", rejected]), sure)).toEqual(sure);
  });

  it("covers the envelope exactly, in its order, whatever was reported", () => {
    fc.assert(
      fc.property(anyMail, fc.array(anyReceipt, { maxLength: 4 }), (mail, receipts) => {
        const merged = merge(mail, ...receipts);
        expect(merged.mail).toBe(mail.id);
        expect(recipients(merged)).toEqual(addresses(mail.envelope.to));
      }),
    );
  });

  it("invents no acceptance and no rejection, and loses none that came last", () => {
    fc.assert(
      fc.property(anyMail, fc.array(anyReceipt, { maxLength: 4 }), (mail, receipts) => {
        const all = receipts.flatMap(({ outcomes }) => outcomes);
        for (const outcome of merge(mail, ...receipts).outcomes) {
          const last = all.findLast(({ recipient }) => recipient === outcome.recipient);
          expect(outcome.kind).toBe(last?.kind ?? "deferred");
        }
      }),
    );
  });

  it("does not care how receipts for the whole mail are gathered from the left", () => {
    fc.assert(
      fc.property(
        anyMail.chain((mail) => fc.tuple(fc.constant(mail), fullReceipt(mail), anyReceipt, anyReceipt)),
        ([mail, a, b, c]) => {
          expect(merge(mail, merge(mail, a, b), c)).toEqual(merge(mail, a, b, c));
          expect(merge(mail, merge(mail, a))).toEqual(merge(mail, a));
          expect(merge(mail, a, a)).toEqual(a);
        },
      ),
    );
  });

  it("does not care how attempts at the deferred are gathered: by the part, or one by one", () => {
    const attempts = anyMail.chain((mail) =>
      fullReceipt(mail).chain((first) => {
        const part = narrow(mail, pick(mail, first, isDeferred));
        return fc.tuple(fc.constant([mail, part, first] as const), fullReceipt(part), fullReceipt(part));
      }),
    );
    fc.assert(
      fc.property(attempts, ([[mail, part, first], second, third]) => {
        const resent = {
          ...third,
          outcomes: third.outcomes.filter((_, index) => second.outcomes[index]?.kind === "deferred"),
        };
        expect(merge(mail, first, merge(part, second, resent))).toEqual(merge(mail, first, second, resent));
      }),
    );
  });
});

describe("pick", () => {
  it("gives whose outcome passes, in the order of the envelope and as it names them", () => {
    const mail = mailTo("ann@X", "bob@x", "cid@x");
    const report = told(["cid@x", deferred], ["bob@x", accepted], ["ann@x", doubtful]);
    expect(pick(mail, report, isDeferred)).toEqual([{ address: "ann@X" }, { address: "cid@x" }]);
  });

  it("gives recipients with what belongs to them", () => {
    const mail = mailTo("ann@x");
    const ann = { address: "ann@x", notify: "never" as const };
    expect(pick(narrow(mail, [ann]), told(["ann@x", deferred]), isDeferred)).toEqual([ann]);
  });

  it("of nobody is empty", () => {
    expect(pick(mailTo("ann@x"), told(["ann@x", accepted]), isDeferred)).toEqual([]);
    expect(pick(mailTo("ann@x"), told(["stranger@z", deferred]), isDeferred)).toEqual([]);
  });

  it("by a test and by its opposite share out the envelope", () => {
    fc.assert(
      fc.property(
        anyMail.chain((mail) => fc.tuple(fc.constant(mail), fullReceipt(mail))),
        ([mail, report]) => {
          const both = [...pick(mail, report, isDeferred), ...pick(mail, report, (outcome) => !isDeferred(outcome))];
          expect(new Set(both)).toEqual(new Set(mail.envelope.to));
          expect(both).toHaveLength(mail.envelope.to.length);
        },
      ),
    );
  });

  it("and narrow leave exactly the part whose outcome passed", () => {
    fc.assert(
      fc.property(
        anyMail.chain((mail) => fc.tuple(fc.constant(mail), fullReceipt(mail))),
        ([mail, report]) => {
          const left = narrow(mail, pick(mail, report, isDeferred));
          const kinds = merge(left, report).outcomes.map(({ kind }) => kind);
          expect(kinds).toEqual(report.outcomes.filter(isDeferred).map(({ kind }) => kind));
          expect(pick(left, report, isDeferred)).toEqual(left.envelope.to);
        },
      ),
    );
  });
});
