import type { Mail } from "@postroad/core";
import { Refusal, contentOf, envelope } from "@postroad/core";
import { describe, expect, it } from "vitest";
import { fake } from "../src/index.ts";

function mailTo(...to: readonly string[]): Mail {
  return { id: "m1", envelope: envelope("a@x", to), content: contentOf(Buffer.from("hi\r\n")), meta: { tenant: "t" } };
}

const kinds = ({ outcomes }: { outcomes: readonly { kind: string }[] }): readonly string[] =>
  outcomes.map(({ kind }) => kind);

describe("fake", () => {
  it("accepts everybody by default and remembers the call", async () => {
    const to = fake();
    const { signal } = new AbortController();
    expect((await to.send(mailTo("b@x", "c@x"), { signal })).outcomes).toEqual([
      { kind: "accepted", status: "2.0.0", by: "fake", recipient: "b@x" },
      { kind: "accepted", status: "2.0.0", by: "fake", recipient: "c@x" },
    ]);
    expect(to.calls).toHaveLength(1);
    expect(to.calls[0]).toMatchObject({ id: "m1", recipients: ["b@x", "c@x"], meta: { tenant: "t" }, signal });
    expect(String(to.calls[0]?.bytes)).toBe("hi\r\n");
  });

  it("plays its script per recipient and per attempt of a mail", async () => {
    const to = fake({ "b@X": ["deferred", "uncertain", "accepted"], "c@x": { kind: "rejected", status: "5.1.1" } });
    const mail = mailTo("b@x", "c@x");
    expect(kinds(await to.send(mail))).toEqual(["deferred", "rejected"]);
    const [doubtful, rejected] = (await to.send(mail)).outcomes;
    expect(doubtful).toMatchObject({ kind: "deferred", status: "4.0.0", uncertain: true });
    expect(rejected).toMatchObject({ status: "5.1.1", message: "rejected by script" });
    expect(kinds(await to.send(mail))).toEqual(["accepted", "rejected"]);
    expect(kinds(await to.send(mail))).toEqual(["accepted", "rejected"]);
    expect(kinds(await to.send({ ...mail, id: "m2" }))).toEqual(["deferred", "rejected"]);
  });

  it("holds sends, having read the content, until they are released", async () => {
    const to = fake();
    to.hold();
    const sending = to.send(mailTo("b@x"));
    const call = await to.call(1);
    expect(call.outcomes).toBeUndefined();
    to.release();
    expect(kinds(await sending)).toEqual(["accepted"]);
    expect(call.outcomes).toHaveLength(1);
    expect(kinds(await to.send(mailTo("b@x")))).toEqual(["accepted"]);
  });

  it("gives up a held send when its signal aborts", async () => {
    const to = fake();
    to.hold();
    const stop = new AbortController();
    const sending = to.send(mailTo("b@x"), stop);
    await to.call(1);
    stop.abort();
    expect((await sending).outcomes).toMatchObject([{ kind: "deferred", status: "4.3.2" }]);
  });

  it("throws what the test throws", async () => {
    const refusing = fake({}, { name: "no", before: () => Promise.reject(new Refusal("5.7.1", "not you")) });
    expect((await refusing.send(mailTo("b@x"))).outcomes).toMatchObject([
      { kind: "rejected", status: "5.7.1", by: "no" },
    ]);
    const broken = fake({}, { before: ({ recipients }) => expect(recipients).toEqual([]) });
    expect((await broken.send(mailTo("b@x"))).outcomes).toMatchObject([
      { kind: "deferred", status: "4.3.0", uncertain: true },
    ]);
  });

  it("leaves the content unread where told to", async () => {
    const to = fake({}, { read: false });
    await to.send(mailTo("b@x"));
    expect(to.calls[0]?.bytes).toBeUndefined();
  });

  it("counts checks and disposals", async () => {
    const refusal = new Refusal("4.4.1", "down");
    const to = fake({}, { check: () => Promise.reject(refusal) });
    await expect(to.check()).rejects.toBe(refusal);
    expect([to.checks, to.disposed]).toEqual([1, 0]);
    await to[Symbol.asyncDispose]();
    await to[Symbol.asyncDispose]();
    expect(to.disposed).toBe(2);
    expect(kinds(await to.send(mailTo("b@x")))).toEqual(["deferred"]);
  });
});
