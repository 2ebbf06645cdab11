import { compose, ConfigError } from "@postroad/core";
import { fake, testMiddleware, testTransport } from "@postroad/testing";
import { describe, expect, it } from "vitest";
import { dryRun } from "../src/index.ts";
import { mailTo } from "./support.ts";

testMiddleware({ name: "dryRun in production", open: dryRun({ when: false }) });
testTransport({ name: "dryRun", capabilities: ["reads", "aborts"], open: () => dryRun()(fake()) });

describe("dryRun", () => {
  it("accepts, sends nothing, and says so", async () => {
    const next = fake();
    const mails: string[] = [];
    const mail = mailTo("ann@x.example");
    const { outcomes } = await compose(dryRun({ onMail: ({ id }) => mails.push(id) }), next).send(mail);
    expect(outcomes[0]).toMatchObject({ kind: "accepted", by: "dryRun", ref: "not sent: dry run" });
    expect(next.calls).toEqual([]);
    expect(mails).toEqual([mail.id]);
  });

  it("sends the mails for which a function says so", async () => {
    const next = fake();
    const sent = compose(dryRun({ when: (mail) => mail.meta["real"] !== "yes" }), next);
    await sent.send(mailTo("ann@x.example"));
    await sent.send({ ...mailTo("bob@x.example"), meta: { real: "yes" } });
    expect(next.calls.map(({ recipients }) => recipients)).toEqual([["bob@x.example"]]);
  });

  it("asks the transport whether it could send, and disposes it", async () => {
    const next = fake();
    const dry = compose(dryRun(), next);
    await dry.check();
    await dry[Symbol.asyncDispose]();
    expect([next.checks, next.disposed]).toEqual([1, 1]);
  });

  it("refuses options that are wrong", () => {
    // @ts-expect-error JavaScript callers can pass anything
    expect(() => dryRun({ when: "production" })).toThrow(ConfigError);
  });
});
