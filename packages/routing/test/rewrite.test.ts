import type { Envelope, Mail, Outcome, Receipt } from "@postroad/core";
import { ConfigError, compose, envelope, narrow } from "@postroad/core";
import { fake, testMiddleware } from "@postroad/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { aliases, rewrite, verp } from "../src/index.ts";
import { anyScript, kinds, mailTo, people } from "./support.ts";

testMiddleware({ name: "rewrite of nothing", open: (next) => rewrite({})(next) });

const [ANN, BOB, CID, DAN] = people;
const SALES = "sales@shop.example";

function recipients({ outcomes }: Receipt): readonly string[] {
  return outcomes.map(({ recipient }) => recipient);
}

function from(path: string, mail: Mail, rest: Partial<Envelope> = {}): Mail {
  return { ...mail, envelope: { ...mail.envelope, ...rest, from: path } };
}

describe("rewrite", () => {
  it("sends to another address, and reports on the one that the caller named", async () => {
    const next = fake({ [ANN]: { kind: "rejected", status: "5.2.1" } });
    await using rewritten = rewrite({ to: aliases({ [SALES]: ANN }) })(next);
    const { outcomes } = await rewritten.send(mailTo(SALES, BOB));
    expect(outcomes).toMatchObject([{ recipient: SALES, kind: "rejected", status: "5.2.1" }, { recipient: BOB }]);
    expect(next.calls[0]?.mail.envelope.to).toEqual([
      { address: ANN, originalRecipient: `rfc822;${SALES}` },
      { address: BOB },
    ]);
  });

  it("sends one copy to an address that several of the caller's lead to, and reports on each", async () => {
    const next = fake({ [ANN]: "deferred" });
    await using rewritten = rewrite({ to: aliases({ [SALES]: ANN, "info@shop.example": "ann@X.EXAMPLE" }) })(next);
    const report = await rewritten.send(mailTo(SALES, ANN, "info@shop.example", BOB));
    expect(next.calls.map((call) => call.recipients)).toEqual([[ANN, BOB]]);
    expect(recipients(report)).toEqual([SALES, ANN, "info@shop.example", BOB]);
    expect(kinds(report)).toEqual(["deferred", "deferred", "deferred", "accepted"]);
  });

  it("reports the worst of several addresses, in doubt where one of them is", async () => {
    const to = aliases({ [SALES]: [ANN, BOB] });
    for (const [script, outcome] of [
      [{}, { kind: "accepted" }],
      [{ [ANN]: "uncertain" }, { kind: "deferred", uncertain: true }],
      [{ [ANN]: "rejected" }, { kind: "rejected" }],
      [{ [ANN]: "rejected", [BOB]: "deferred" }, { kind: "deferred" }],
      [{ [ANN]: "deferred", [BOB]: "uncertain" }, { kind: "deferred", uncertain: true }],
    ] as const) {
      await using rewritten = rewrite({ to })(fake(script));
      const { outcomes } = await rewritten.send(mailTo(SALES));
      expect(outcomes).toMatchObject([{ recipient: SALES, ...outcome }]);
    }
    for (const rest of ["accepted", "rejected"] as const) {
      await using certain = rewrite({ to })(fake({ [ANN]: "deferred", [BOB]: rest }));
      const [outcome] = (await certain.send(mailTo(SALES))).outcomes;
      expect(outcome).toMatchObject({ kind: "deferred", recipient: SALES });
      expect(outcome).not.toHaveProperty("uncertain");
    }
  });

  it("sends again only to those of several that were deferred, and forgets them when all are settled", async () => {
    const next = fake({ [ANN]: ["accepted", "rejected"], [BOB]: ["deferred", "uncertain", "accepted"], [CID]: "rejected" });
    await using rewritten = rewrite({ to: aliases({ [SALES]: [ANN, BOB, CID] }), from: verp("b@c").from })(next);
    const mail = mailTo(SALES, DAN);
    const attempts = [mail, narrow(mail, mail.envelope.to.slice(0, 1)), { ...mailTo(SALES), id: mail.id }];
    const told: (readonly Outcome["kind"][])[] = [];
    for (const attempt of attempts) told.push(kinds(await rewritten.send(attempt)));
    expect(told).toEqual([["deferred", "accepted"], ["deferred"], ["rejected"]]);
    expect(next.calls.map((call) => call.recipients)).toEqual([[ANN, BOB, CID], [DAN], [BOB], [BOB]]);
    await rewritten.send(mailTo(SALES));
    expect(next.calls.at(-1)?.recipients).toEqual([ANN, BOB, CID]);
  });

  it("an address that several lead to gets no second copy for the one that is deferred", async () => {
    const next = fake({ [BOB]: ["deferred", "accepted"] });
    await using rewritten = rewrite({ to: aliases({ [SALES]: [ANN, BOB] }) })(next);
    const mail = mailTo(SALES, ANN);
    expect(kinds(await rewritten.send(mail))).toEqual(["deferred", "accepted"]);
    expect(kinds(await rewritten.send(mail))).toEqual(["accepted", "accepted"]);
    expect(next.calls.map((call) => call.recipients)).toEqual([[ANN, BOB], [BOB]]);
  });

  it("takes an alias of the whole domain for who is not listed, in any case of the domain", async () => {
    const next = fake();
    await using rewritten = rewrite({ to: aliases({ "@shop.example": BOB, [SALES]: ANN }) })(next);
    await rewritten.send(mailTo("sales@SHOP.example", "any@Shop.Example", CID));
    expect(next.calls[0]?.recipients).toEqual([ANN, BOB, CID]);
  });

  it("sends apart what has different reverse-paths, and leaves the null one alone", async () => {
    const next = fake();
    const path = verp("bounces@shop.example");
    await using rewritten = rewrite({ from: path.from })(next);
    const report = await rewritten.send(mailTo(ANN, CID));
    expect(next.calls.map((call) => [call.mail.envelope.from, ...call.recipients])).toEqual([
      ["bounces+ann=x.example@shop.example", ANN],
      ["bounces+cid=y.example@shop.example", CID],
    ]);
    expect(recipients(report)).toEqual([ANN, CID]);
    const bounce = from("", mailTo(ANN, CID));
    await rewritten.send(bounce);
    expect(next.calls.at(-1)?.mail).toBe(bounce);
  });

  it("needs SMTPUTF8 for an address that has become UTF-8, and keeps all else of the envelope", async () => {
    const next = fake();
    await using rewritten = rewrite({ to: aliases({ [SALES]: "jürgen@x.example" }) })(next);
    const mail = mailTo(SALES);
    await rewritten.send({ ...mail, envelope: { ...mail.envelope, requireTls: true, priority: 3 } });
    expect(next.calls[0]?.mail.envelope).toMatchObject({ smtputf8: true, requireTls: true, priority: 3 });
  });

  it("keeps the recipient's own notify and original recipient", async () => {
    const next = fake();
    await using rewritten = rewrite({ to: aliases({ [SALES]: ANN }) })(next);
    const given = { address: SALES, notify: ["failure"], originalRecipient: "rfc822;first@x" } as const;
    await rewritten.send({ ...mailTo(SALES), envelope: envelope("a@b", [given]) });
    expect(next.calls[0]?.mail.envelope.to).toEqual([{ ...given, address: ANN }]);
  });

  it("defers with 4.3.5 whom it cannot rewrite, and sends the rest", async () => {
    for (const wrong of ["", "a\r\nRCPT TO:<b@x>", []]) {
      const next = fake();
      await using rewritten = rewrite({ to: ({ address }) => (address === ANN ? wrong : undefined) })(next);
      const { outcomes } = await rewritten.send(mailTo(ANN, BOB));
      expect(outcomes).toMatchObject([{ kind: "deferred", status: "4.3.5", recipient: ANN }, { kind: "accepted" }]);
      expect(outcomes[0]).not.toHaveProperty("uncertain");
      expect(next.calls[0]?.recipients).toEqual([BOB]);
    }
    const fail = (): never => {
      throw new TypeError("no table");
    };
    await using failing = rewrite({ from: fail })(fake());
    expect((await failing.send(mailTo(ANN))).outcomes).toMatchObject([{ status: "4.3.5", message: "cannot rewrite: no table" }]);
  });

  it("refuses options and aliases that are wrong", () => {
    // @ts-expect-error JavaScript callers can pass anything
    expect(() => rewrite({ to: { a: "b" } })).toThrow("rewrite: to must be a function");
    expect(() => aliases({ [SALES]: [] })).toThrow(ConfigError);
    expect(() => aliases({ [SALES]: ["a\n"] })).toThrow(`aliases: ${SALES} must lead to an address`);
  });

  it("whatever leads where: each address gets one copy, and each caller's the outcome of theirs", async () => {
    const target = fc.constantFrom(...people);
    const table = fc.dictionary(fc.constantFrom("s@a", "t@a", ANN), fc.array(target, { minLength: 1, maxLength: 3 }));
    await fc.assert(
      fc.asyncProperty(anyScript, table, fc.boolean(), async (script, known, isVerp) => {
        const next = fake(script);
        const path = verp("b@c");
        await using rewritten = rewrite({ to: aliases(known), ...(isVerp && { from: path.from }) })(next);
        const named = ["s@a", ANN, "t@a", DAN];
        const report = await rewritten.send(mailTo(...named));
        expect(recipients(report)).toEqual(named);
        const told = new Map(next.calls.flatMap((call) => (call.outcomes ?? []).map((o) => [o.recipient, o.kind])));
        expect(told.size).toBe(next.calls.flatMap((call) => call.recipients).length);
        for (const { recipient, kind } of report.outcomes) {
          const behind = (known[recipient] ?? [recipient]).map((address) => told.get(address));
          const worst = (["deferred", "rejected", "accepted"] as const).find((each) => behind.includes(each));
          expect(kind).toBe(worst);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe("verp", () => {
  const path = verp("bounces@Shop.example");

  it("B12: names the recipient in the reverse-path, and reads it from a bounce in any case", () => {
    const made = path.from("x@y", { address: "Ann+tag=1@x.example" }, mailTo(ANN));
    expect(made).toBe("bounces+Ann+tag=1=x.example@Shop.example");
    expect(path.recipientOf("BOUNCES+Ann+tag=1=x.example@shop.EXAMPLE")).toBe("Ann+tag=1@x.example");
  });

  it("B12: comes back as it went, or goes out plain where it would not", () => {
    fc.assert(
      fc.property(fc.emailAddress(), (address) => {
        const made = path.from("x@y", { address }, mailTo(ANN)) ?? "";
        expect(Buffer.byteLength(made.slice(0, made.lastIndexOf("@")))).toBeLessThanOrEqual(64);
        expect(path.recipientOf(made)).toBe(made === "bounces@Shop.example" ? undefined : address);
      }),
    );
    for (const address of ['"a b"@x.example', "postmaster", `${"x".repeat(64)}@x.example`, "a..b@x"]) {
      expect(path.from("x@y", { address }, mailTo(ANN))).toBe("bounces@Shop.example");
    }
  });

  it("reads nothing from addresses that are not its own", () => {
    for (const address of ["bounces@shop.example", "bounces+@shop.example", "bounces+x@shop.example", "bounces+=x@shop.example", "bounces+a=x@other", "a"]) {
      expect(path.recipientOf(address)).toBeUndefined();
    }
    expect(() => verp("bounces")).toThrow("verp: returnPath must be an address");
  });

  it("names who the caller named, also through an alias", async () => {
    const next = fake();
    await using both = compose(rewrite({ to: aliases({ [SALES]: ANN }), from: verp("b@c").from }), next);
    await both.send(mailTo(SALES));
    expect(next.calls[0]?.mail.envelope).toMatchObject({ from: "b+sales=shop.example@c", to: [{ address: ANN }] });
  });
});
