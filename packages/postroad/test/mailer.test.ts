import type { Message } from "@postroad/core";
import { ConfigError, DeliveryError, receipt, transport } from "@postroad/core";
import { MessageError, createMessage } from "@postroad/message";
import { smtp } from "@postroad/smtp";
import { fake } from "@postroad/testing";
import { modelPeer } from "@postroad/testing/peer";
import { describe, expect, expectTypeOf, it } from "vitest";
import type { Sent } from "../src/index.ts";
import { createMailer } from "../src/index.ts";

const from = "Shop <hi@shop.example>";

async function all(results: AsyncIterable<Sent>): Promise<Sent[]> {
  const list: Sent[] = [];
  for await (const sent of results) list.push(sent);
  return list.toSorted((a, b) => a.index - b.index);
}

describe("createMailer", () => {
  it("sends a draft to a real server and says what became of it", async () => {
    await using peer = await modelPeer();
    await using mailer = createMailer(smtp({ host: peer.host, port: peer.port, security: "none" }), { from });
    const result = await mailer.send({ to: "Ann <ann@example.net>", subject: "Your order", text: "Thanks!" });
    expect(result.outcomes).toMatchObject([{ kind: "accepted", recipient: "ann@example.net" }]);
    expect(peer.messages[0]?.content.toString()).toMatch(/^From: Shop <hi@shop\.example>\r\n.*Subject: Your order\r\n.*Thanks!/s);
  });

  it("C13: throws a DeliveryError with the whole receipt when anyone was refused, and the others have it", async () => {
    const to = fake({ "bob@example.net": "rejected" });
    await using mailer = createMailer(to, { from });
    const error: unknown = await mailer.send({ to: ["ann@example.net", "bob@example.net"], text: "hi" }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(DeliveryError);
    expect(error instanceof DeliveryError && error.receipt.outcomes.map(({ kind }) => kind)).toEqual(["accepted", "rejected"]);
  });

  it("#1, #12: refuses a bad draft before the transport hears of it", async () => {
    const to = fake();
    await using mailer = createMailer(to);
    await expect(mailer.send({ from, to: "ann@example.net", subject: "a\r\nBcc: x@evil.example" })).rejects.toThrow(MessageError);
    await expect(mailer.send({ from: "", to: "ann@example.net" })).rejects.toThrow(MessageError);
    expect(to.calls).toHaveLength(0);
  });

  it("takes a message that was composed before, as it is", async () => {
    const to = fake();
    await using mailer = createMailer(to, { from, subject: "default" });
    const message = createMessage({ from, to: "ann@example.net", subject: "composed" });
    await mailer.send(message);
    expect(to.calls[0]?.mail).toBe(message);
  });

  it("fills in defaults field by field, and merges meta and headers", async () => {
    const sent: Message[] = [];
    const keep = transport<Message>("keep", async (mail) => {
      sent.push(mail);
      return receipt(mail, { kind: "accepted", status: "2.0.0", by: "keep" });
    });
    const defaults = { from, subject: "News", headers: { "X-A": "1", "X-B": ["2", "3"] }, meta: { tenant: "a", stream: "bulk" } };
    await using mailer = createMailer(keep, defaults);
    await mailer.send({ to: "ann@example.net", subject: undefined, headers: [["x-b", "own"]], meta: { stream: "orders" } });
    expect(sent[0]?.fields).toMatchObject({ subject: "News", headers: [["X-A", "1"], ["x-b", "own"]] });
    expect(sent[0]?.meta).toEqual({ tenant: "a", stream: "orders" });
  });

  it("refuses defaults that would make all mails the same mail", () => {
    // @ts-expect-error an id belongs to one mail
    expect(() => createMailer(fake(), { from, messageId: "<a@b.example>" })).toThrow(ConfigError);
  });

  it("#73: finds wrong defaults when it is built", () => {
    expect(() => createMailer(fake(), { from: "not an address" })).toThrow(/defaults\.from/);
    expect(() => createMailer(fake(), { from, subjct: "a" })).toThrow(ConfigError);
    expect(() => createMailer(fake(), { subject: "News" })).not.toThrow();
  });

  it("#12: a draft that is none is a MessageError, alone and among others", async () => {
    await using mailer = createMailer(fake(), { from });
    for (const draft of [null, undefined, 5]) {
      // @ts-expect-error no draft
      await expect(mailer.send(draft)).rejects.toThrow(MessageError);
    }
  });

  it("asks for `from` exactly where the defaults have none, and keeps the type of the transport", async () => {
    const to = fake();
    await using without = createMailer(to);
    await using ready = createMailer(to, { from });
    expectTypeOf(ready.transport).toEqualTypeOf(to);
    expect(ready.transport.calls).toHaveLength(0);
    await ready.send({ to: "ann@example.net" });
    // @ts-expect-error nobody is the author
    await expect(without.send({ to: "ann@example.net" })).rejects.toThrow(MessageError);
  });

  it("check asks the transport, dispose disposes it", async () => {
    const to = fake();
    const mailer = createMailer(to, { from });
    await mailer.check();
    await mailer[Symbol.asyncDispose]();
    expect([to.checks, to.disposed]).toEqual([1, 1]);
  });
});

describe("mailer.sendAll", () => {
  it("gives each mail's fate with its index; one bad mail stops nothing", async () => {
    await using mailer = createMailer(fake({ "busy@example.net": "deferred" }), { from });
    const drafts = [{ to: "ann@example.net" }, { to: "not an address" }, { to: "busy@example.net" }, { to: "bob@example.net" }];
    const results = await all(mailer.sendAll(drafts, { concurrency: 2 }));
    expect(results.map((sent) => sent.receipt?.outcomes[0]?.kind)).toEqual(["accepted", undefined, "deferred", "accepted"]);
    expect(results[1]?.error).toBeInstanceOf(MessageError);
  });

  it("sends a thousand over a few connections, each once", async () => {
    await using peer = await modelPeer();
    await using mailer = createMailer(smtp({ host: peer.host, port: peer.port, security: "none", pool: 3 }), { from });
    function* drafts(): Generator<{ to: string; text: string }> {
      for (let i = 0; i < 1000; i += 1) yield { to: `reader${i}@example.net`, text: `No. ${i}` };
    }
    const results = await all(mailer.sendAll(drafts(), { concurrency: 50 }));
    expect(results.every((sent) => sent.receipt?.outcomes[0]?.kind === "accepted")).toBe(true);
    expect(new Set(peer.messages.map(({ to }) => to[0]?.address)).size).toBe(1000);
    expect(peer.messages).toHaveLength(1000);
  });

  it("#34: an abort tells what is under way, takes nothing further, and throws its reason after the last result", async () => {
    const to = fake();
    to.hold();
    await using mailer = createMailer(to, { from });
    const abort = new AbortController();
    const drafts = Array.from({ length: 5 }, (_, i) => ({ to: `reader${i}@example.net` }));
    const results = mailer.sendAll(drafts, { concurrency: 2, signal: abort.signal });
    const first = results.next();
    await to.call(2);
    abort.abort(new Error("shutting down"));
    expect((await first).value).toMatchObject({ receipt: { outcomes: [{ kind: "deferred" }] } });
    expect((await results.next()).value).toMatchObject({ receipt: { outcomes: [{ kind: "deferred" }] } });
    await expect(results.next()).rejects.toThrow("shutting down");
    expect(to.calls).toHaveLength(2);
  });

  it("#73: refuses a concurrency that is none", () => {
    const mailer = createMailer(fake(), { from });
    expect(() => mailer.sendAll([], { concurrency: 0 })).toThrow("must be a whole number from 1");
  });
});
