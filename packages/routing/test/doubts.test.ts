import type { Mail, Transport } from "@postroad/core";
import { DOUBTS, compose, doubts, transport, receipt, withDoubts, wrap } from "@postroad/core";
import type { FakeScript } from "@postroad/testing";
import { fake } from "@postroad/testing";
import { describe, expect, it } from "vitest";
import { aliases, balance, failover, rewrite } from "../src/index.ts";
import { kinds, mailTo, people, unreachable } from "./support.ts";

const [ANN, BOB, CID] = people;

/** A mail as it comes back from a queue: with a note of who may have it. */
function noted(known: Readonly<Record<string, string>>, ...to: readonly string[]): Mail {
  const mail = mailTo(...to);
  return { ...mail, meta: withDoubts(mail.meta, new Map(Object.entries(known))) };
}

function named(name: string, script: FakeScript = {}): ReturnType<typeof fake> {
  return fake(script, { name });
}

function around(name: string, next: Transport): Transport {
  return wrap(name, next, (mail, options) => next.send(mail, options));
}

describe("a note of who is in doubt", () => {
  it("binds a recipient to the transport it names, and leaves the others free", async () => {
    const [first, second] = [named("smtp:a"), named("smtp:b")];
    await using both = failover(first, second);
    const report = await both.send(noted({ [ANN]: "smtp:b" }, ANN, BOB));
    expect(kinds(report)).toEqual(["accepted", "accepted"]);
    expect([first, second].map(({ calls }) => calls.map(({ recipients }) => recipients))).toEqual([[[BOB]], [[ANN]]]);
  });

  it("binds in a balance too, whoever's turn it is", async () => {
    const [first, second] = [named("smtp:a"), named("smtp:b")];
    await using both = balance([first, second]);
    for (let time = 0; time < 3; time += 1) await both.send(noted({ [ANN]: "smtp:b" }, ANN));
    expect([first.calls.length, second.calls.length]).toEqual([0, 3]);
  });

  it("stays where that transport has no connection, and is sent to no other", async () => {
    const [first, second] = [named("smtp:a", { [ANN]: unreachable }), named("smtp:b")];
    await using both = failover(first, second);
    const { outcomes } = await both.send(noted({ [ANN]: "smtp:a" }, ANN));
    expect(outcomes).toMatchObject([{ kind: "deferred", status: "4.4.1", by: "smtp:a", uncertain: true }]);
    expect(second.calls).toHaveLength(0);
  });

  it("finds a transport within the name of a member", async () => {
    const [first, second] = [named("smtp:a"), named("smtp:b")];
    await using both = failover(around("retry", first), around("otel", balance([around("retry", second), named("smtp:c")])));
    for (const by of ["smtp:b", "retry(smtp:b)", "balance(retry(smtp:b) smtp:c)"]) await both.send(noted({ [ANN]: by }, ANN));
    expect(first.calls).toHaveLength(0);
  });

  it("finds it through composites within composites", async () => {
    const [first, second, third] = [named("smtp:a"), named("smtp:b"), named("smtp:c")];
    await using all = failover(first, around("otel", balance([second, around("retry", third)])));
    for (let time = 0; time < 3; time += 1) await all.send(noted({ [ANN]: "smtp:c" }, ANN));
    expect([first, second, third].map(({ calls }) => calls.length)).toEqual([0, 0, 3]);
  });

  it.each(["timeout(failover(smtp:b))", "otel(timeout(failover(retry(smtp:b))))", "timeout(smtp:b)"])(
    "finds a transport that stands alone within a layer around it: %s",
    async (by) => {
      const [first, second] = [named("smtp:a"), named("smtp:b")];
      await using both = failover(first, second);
      expect(kinds(await both.send(noted({ [ANN]: by }, ANN)))).toEqual(["accepted"]);
      expect([first.calls.length, second.calls.length]).toEqual([0, 1]);
    },
  );

  it.each([
    ["smtp:a smtp:b", "smtp:a"],
    ["smtp:x smtp:b smtp:a", "smtp:b"],
    ["smtp:x timeout(smtp:b) smtp:a", "smtp:b"],
    ["failover(smtp:a smtp:b) smtp:b", "smtp:b"],
    ["otel(failover(smtp:y smtp:x)) smtp:a", "smtp:a"],
  ])("leads to the first of several that is there: %s to %s", async (by, name) => {
    const all = [named("smtp:a"), named("smtp:b")];
    await using both = failover(...all);
    expect(kinds(await both.send(noted({ [ANN]: by }, ANN)))).toEqual(["accepted"]);
    expect(all.flatMap((each) => (each.calls.length > 0 ? [each.name] : []))).toEqual([name]);
  });

  it("says which transports would help where none of several is there", async () => {
    await using both = failover(named("smtp:a"), named("smtp:b"));
    const { outcomes } = await both.send(noted({ [ANN]: "smtp:x retry(smtp:y)" }, ANN));
    expect(outcomes).toMatchObject([{ status: "4.4.0", diagnosis: { advice: expect.stringContaining("named smtp:x or retry(smtp:y),") } }]);
  });

  it("says what to do about a layer that did not know on whom it gave up", async () => {
    await using both = failover(named("smtp:a"), named("smtp:b"));
    const { outcomes } = await both.send(noted({ [ANN]: "timeout(failover(smtp:a smtp:b))" }, ANN));
    expect(outcomes).toMatchObject([{ status: "4.4.0", uncertain: true, diagnosis: { advice: expect.stringContaining("around each transport") } }]);
  });

  it("prefers the very name to one that has it within", async () => {
    const [inner, own] = [named("smtp:a"), named("smtp:a")];
    await using both = failover(around("retry", inner), own);
    await both.send(noted({ [ANN]: "smtp:a" }, ANN));
    expect([inner.calls.length, own.calls.length]).toEqual([0, 1]);
  });

  it.each(["smtp", "smtp:mx", "mx.example", "retry", "smtp:mx.example:25", "", " ", "timeout(failover(smtp:mx.example smtp:b))", "timeout(smtp:x)", "tee(balance(smtp:b) x)", "a)(smtp:b", "a(b)(smtp:b)"])(
    "is no part of a name that only looks like it: %j",
    async (by) => {
      const [first, second] = [named("smtp:mx.example"), named("smtp:b")];
      await using both = failover(first, second);
      const { outcomes } = await both.send(noted({ [ANN]: by, [BOB]: "smtp:b" }, ANN, BOB, CID));
      expect(outcomes).toMatchObject([
        { recipient: ANN, kind: "deferred", status: "4.4.0", by, uncertain: true },
        { recipient: BOB, kind: "accepted" },
        { recipient: CID, kind: "accepted" },
      ]);
      expect([first, second].flatMap(({ calls }) => calls).flatMap(({ recipients }) => recipients)).not.toContain(ANN);
    },
  );

  it("is outweighed by what the process itself remembers", async () => {
    const [first, second] = [named("smtp:x", { [ANN]: "deferred" }), named("smtp:x", { [ANN]: ["uncertain", "accepted"] })];
    await using both = failover(first, second);
    const mail = noted({}, ANN);
    await both.send(mail);
    await both.send({ ...mail, meta: { [DOUBTS]: JSON.stringify({ [ANN]: "smtp:x" }) } });
    expect([first.calls.length, second.calls.length]).toEqual([1, 2]);
  });

  it("garbage in its place binds nobody", async () => {
    const first = named("smtp:a");
    await using both = failover(first);
    expect(kinds(await both.send({ ...mailTo(ANN), meta: { [DOUBTS]: "{" } }))).toEqual(["accepted"]);
  });

  it("survives a restart: another process finds the way back by what the outcome says", async () => {
    const lost = { [ANN]: "uncertain" } as const;
    await using before = failover(around("retry", named("smtp:a", lost)), named("smtp:b"));
    const mail = mailTo(ANN);
    const [outcome] = (await before.send(mail)).outcomes;
    const [first, second] = [named("smtp:a"), named("smtp:b")];
    await using after = failover(second, around("retry", first));
    await after.send({ ...mail, meta: withDoubts(mail.meta, new Map([[ANN, outcome?.by ?? ""]])) });
    expect([first.calls.length, second.calls.length]).toEqual([1, 0]);
  });

  it("an outcome in doubt names the member, where what it names could not be found again", async () => {
    const odd = transport("odd", async (mail) =>
      receipt(mail, { kind: "deferred", status: "4.4.2", by: "somebody", message: "lost", uncertain: true }),
    );
    await using both = failover(odd, named("smtp:b"));
    expect((await both.send(mailTo(ANN))).outcomes).toMatchObject([{ by: "odd", uncertain: true }]);
  });
});

describe("a note of who is in doubt, behind rewrite", () => {
  const sales = "sales@shop.example";

  it("holds for every address that the recipient leads to", async () => {
    const [first, second] = [named("smtp:a"), named("smtp:b")];
    await using all = compose(rewrite({ to: aliases({ [sales]: [ANN, BOB] }) }), failover(first, second));
    await all.send(noted({ [sales]: "smtp:b" }, sales, CID));
    expect(first.calls.map(({ recipients }) => recipients)).toEqual([[CID]]);
    expect(second.calls.map(({ recipients }) => recipients)).toEqual([[ANN, BOB]]);
    expect(doubts(second.calls[0]?.mail.meta ?? {})).toEqual(new Map([[ANN, "smtp:b"], [BOB, "smtp:b"]]));
  });

  it("holds where nothing is rewritten", async () => {
    const [first, second] = [named("smtp:a"), named("smtp:b")];
    await using all = compose(rewrite({}), failover(first, second));
    await all.send(noted({ [ANN]: "smtp:b" }, ANN));
    expect([first.calls.length, second.calls.length]).toEqual([0, 1]);
  });
});
