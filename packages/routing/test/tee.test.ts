import type { Mail } from "@postroad/core";
import { ConfigError, DeliveryError, Refusal } from "@postroad/core";
import type { Fake } from "@postroad/testing";
import { fake, testMiddleware } from "@postroad/testing";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { tee } from "../src/index.ts";
import { kinds, mailTo, people } from "./support.ts";

const broken: Pick<Fake, "send"> = { send: () => Promise.reject(new TypeError("broken")) };
const onError = (): undefined => undefined;

testMiddleware({ name: "tee", open: (next) => tee(fake(), { onError })(next) });
testMiddleware({ name: "tee whose archive is broken", open: (next) => tee({ ...fake(), ...broken }, { onError })(next) });

const [ANN, BOB, CID] = people;

describe("tee", () => {
  it("copies what was accepted, for those who were, with the same bytes", async () => {
    const [next, archive] = [fake({ [BOB]: "rejected", [CID]: "deferred" }), fake()];
    await using both = tee(archive, { onError })(next);
    const mail = mailTo(ANN, BOB, CID);
    expect(kinds(await both.send(mail))).toEqual(["accepted", "rejected", "deferred"]);
    expect(archive.calls.map(({ id, recipients }) => [id, ...recipients])).toEqual([[mail.id, ANN]]);
    expect(archive.calls[0]?.bytes).toEqual(next.calls[0]?.bytes);
    await both.send(mailTo(BOB));
    expect(archive.calls).toHaveLength(1);
  });

  it("sends copies to a journal address, with the null reverse-path", async () => {
    const archive = fake();
    await using both = tee(archive, { onError, to: "journal@example.org" })(fake());
    const mail = mailTo(ANN, BOB);
    await both.send({ ...mail, envelope: { ...mail.envelope, smtputf8: true } });
    expect(archive.calls[0]?.mail.envelope).toMatchObject({ from: "", to: [{ address: "journal@example.org" }], smtputf8: true });
  });

  it("an archive that fails in any way changes no receipt, and is told", async () => {
    const told: (readonly [unknown, string])[] = [];
    const refusing = fake({}, { before: () => Promise.reject(new Refusal("4.3.1", "disk full")) });
    for (const archive of [refusing, fake({ [ANN]: "rejected" }), { ...fake(), ...broken }]) {
      await using both = tee(archive, { onError: (error, mail: Mail) => told.push([error, mail.id]) })(fake());
      const mail = mailTo(ANN);
      expect(kinds(await both.send(mail))).toEqual(["accepted"]);
      expect(told.at(-1)).toMatchObject([{}, mail.id]);
    }
    const errors = told.map(([error]) => error);
    expect(errors).toEqual([expect.any(DeliveryError), expect.any(DeliveryError), expect.any(TypeError)]);
  });

  it("aborts a copy that takes too long", async () => {
    const archive = fake();
    archive.hold();
    const told: unknown[] = [];
    await using both = tee(archive, { timeout: 1, onError: (error) => told.push(error) })(fake());
    expect(kinds(await both.send(mailTo(ANN)))).toEqual(["accepted"]);
    expect(told).toMatchObject([{ name: "DeliveryError" }]);
  });

  it("waits no longer than its grace for an archive that ignores its signal, and no late end of it counts", async () => {
    const late = Promise.withResolvers<never>();
    const archive = { ...fake({}, { name: "deaf" }), send: () => late.promise };
    const told: unknown[] = [];
    await using both = tee(archive, { timeout: 1, grace: 1, onError: (error) => told.push(error) })(fake());
    expect(kinds(await both.send(mailTo(ANN)))).toEqual(["accepted"]);
    const outcomes = [{ recipient: ANN, status: "4.4.7", uncertain: true, by: "deaf" }];
    expect(told).toMatchObject([{ name: "DeliveryError", receipt: { outcomes } }]);
    // An unhandled rejection would fail the run.
    late.reject(new Error("late"));
    await new Promise(setImmediate);
    expect(told).toHaveLength(1);
  });

  it("warns of a handler that throws, and goes on", async () => {
    const warned = once(process, "warning");
    const fail = (): never => {
      throw new Error("no logger");
    };
    await using both = tee({ ...fake(), ...broken }, { onError: fail })(fake());
    expect(kinds(await both.send(mailTo(ANN)))).toEqual(["accepted"]);
    expect(await warned).toMatchObject([{ name: "PostroadWarning", message: "onError of tee threw: no logger" }]);
  });

  it("disposes the archive too, once", async () => {
    const [next, archive] = [fake(), fake()];
    const both = tee(archive, { onError })(next);
    await both[Symbol.asyncDispose]();
    await both[Symbol.asyncDispose]();
    expect([next.disposed, archive.disposed]).toEqual([1, 1]);
  });

  it("refuses to go without a handler, and options that are wrong", () => {
    // @ts-expect-error JavaScript callers can pass anything
    expect(() => tee(fake(), {})).toThrow("tee: onError is missing");
    // @ts-expect-error JavaScript callers can pass anything
    expect(() => tee(undefined, { onError })).toThrow(ConfigError);
    expect(() => tee(fake(), { onError, to: "a\n" })).toThrow("tee: to must be an address");
    expect(() => tee(fake(), { onError, timeout: Number.NaN })).toThrow("tee: timeout must be");
    expect(() => tee(fake(), { onError, grace: 0 })).toThrow("tee: grace must be");
  });
});
