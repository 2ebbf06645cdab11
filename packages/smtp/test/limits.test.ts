import type { Moment } from "@postroad/testing/peer";
import { modelPeer } from "@postroad/testing/peer";
import { describe, expect, it } from "vitest";
import { readCapabilities } from "../src/capabilities.ts";
import { serverLimits } from "../src/limits.ts";
import type { Build } from "./support.ts";
import { kinds, mail, plain, scripted } from "./support.ts";

const people = (count: number, domain = "b.example"): readonly string[] => Array.from({ length: count }, (_, index) => `r${index}@${domain}`);
const addresses = (message: { readonly to: readonly { readonly address: string }[] }): readonly string[] => message.to.map(({ address }) => address);

describe("limits: RFC 9422", () => {
  const limitsOf = (line: string): ReturnType<typeof serverLimits> => serverLimits(readCapabilities({ code: 250, text: `host\n${line}` }));

  it.each([
    ["LIMITS MAILMAX=5 RCPTMAX=20", 5],
    ["LIMITS FOO=1 mailmax=7 BAR", 7],
    ["LIMITS MAILMAX=0", Infinity],
    ["LIMITS MAILMAX=1234567", Infinity],
    ["LIMITS MAILMAX=x XMAILMAX=3", Infinity],
    ["LIMITS", Infinity],
    ["SIZE 10", Infinity],
  ])("C48: %s: %d messages; unknown names and values are left out", (line, messages) => {
    expect(limitsOf(line).messages).toBe(messages);
  });

  it("C48: RCPTMAX holds for a transaction, RCPTDOMAINMAX for the session", () => {
    const limits = limitsOf("LIMITS RCPTMAX=3 RCPTDOMAINMAX=2");
    const first = limits.transaction();
    expect(["a@x", "b@X", "c@y", "d@x"].map(first)).toEqual([true, true, true, false]);
    const second = limits.transaction();
    expect(["a@z", "b@y", "c@x"].map(second)).toEqual([false, true, true]);
  });

  it("C48 C55: RCPTMAX: as few transactions as it takes, all recipients, one copy each", async () => {
    await using peer = await modelPeer({ extensions: ["PIPELINING", "LIMITS RCPTMAX=4"] });
    await using transport = plain(peer);
    const to = people(10);
    const receipt = await transport.send(mail({ to }));
    expect(receipt.outcomes).toMatchObject(to.map((recipient) => ({ recipient, kind: "accepted" })));
    expect(peer.messages.map(addresses)).toEqual([to.slice(0, 4), to.slice(4, 8), to.slice(8)]);
    expect(peer.connections.total).toBe(1);
  });

  it.each([["CHUNKING"], ["HELP"]])("C48: MAILMAX: a new connection before the limit is reached (%s)", async (extension) => {
    await using peer = await modelPeer({ extensions: ["PIPELINING", "LIMITS MAILMAX=2", extension] });
    await using transport = plain(peer);
    const receipts = await Promise.all(Array.from({ length: 5 }, () => transport.send(mail())));
    expect(receipts.flatMap(kinds)).toEqual(Array.from({ length: 5 }, () => "accepted"));
    expect(peer.messages.map(({ connection }) => connection)).toEqual([1, 1, 2, 2, 3]);
  });

  it("C48: MAILMAX counts the transactions of a mail that is split", async () => {
    await using peer = await modelPeer({ extensions: ["PIPELINING", "LIMITS MAILMAX=1 RCPTMAX=1"] });
    await using transport = plain(peer);
    expect(kinds(await transport.send(mail({ to: people(3) })))).toEqual(["accepted", "accepted", "accepted"]);
    expect(peer.messages.map(({ connection }) => connection)).toEqual([1, 2, 3]);
  });

  it("C48: RCPTDOMAINMAX: other domains go over other connections", async () => {
    await using peer = await modelPeer({ extensions: ["PIPELINING", "LIMITS RCPTDOMAINMAX=1"] });
    await using transport = plain(peer);
    const to = ["a@one.example", "b@two.example", "c@ONE.example", "d@three.example"];
    expect(kinds(await transport.send(mail({ to })))).toEqual(["accepted", "accepted", "accepted", "accepted"]);
    expect(peer.messages.map((message) => [message.connection, ...addresses(message)])).toEqual([
      [1, "a@one.example", "c@ONE.example"], [2, "b@two.example"], [3, "d@three.example"],
    ]);
  });

  it("C48: RCPTDOMAINMAX with many mails at once", async () => {
    await using peer = await modelPeer({ extensions: ["PIPELINING", "CHUNKING", "LIMITS RCPTDOMAINMAX=1"] });
    await using transport = plain(peer, { pool: 2 });
    const receipts = await Promise.all(Array.from({ length: 12 }, (_, index) => transport.send(mail({ to: [`a@d${index % 3}.example`] }))));
    expect(receipts.flatMap(kinds)).toEqual(Array.from({ length: 12 }, () => "accepted"));
    const domains = Map.groupBy(peer.messages, ({ connection }) => connection);
    for (const messages of domains.values()) expect(new Set(messages.map((message) => addresses(message)[0]?.split("@")[1])).size).toBe(1);
    expect(peer.messages).toHaveLength(12);
    expect(peer.connections.most).toBeLessThanOrEqual(2);
  });
});

describe("limits: too many recipients (RFC 5321 §4.5.3.1.10)", () => {
  it.each(["452 4.5.3 too many", "452 too many recipients", "552 too many recipients"])("C14: 1000 recipients where each transaction takes 100 (%s)", async (reply) => {
    let named = 0;
    const on = ({ step, to }: Moment): string | undefined => {
      if (step === "rcpt") named += 1;
      return step === "rcpt" && to.length >= 100 ? reply : undefined;
    };
    await using peer = await modelPeer({ extensions: ["PIPELINING"], on });
    await using transport = plain(peer);
    const to = people(1000);
    const receipt = await transport.send(mail({ to }));
    expect(receipt.outcomes).toMatchObject(to.map((recipient) => ({ recipient, kind: "accepted" })));
    expect(peer.messages.map(addresses)).toEqual(Array.from({ length: 10 }, (_, index) => to.slice(index * 100, index * 100 + 100)));
    // It learns: the surplus is named once, not with every transaction again.
    expect(named).toBe(1900);
  });

  it("C14: with CHUNKING, between other mails", async () => {
    await using peer = await modelPeer({ extensions: ["PIPELINING", "CHUNKING"], on: ({ step, to }) => (step === "rcpt" && to.length >= 2 ? "452 4.5.3 too many" : undefined) });
    await using transport = plain(peer);
    const to = people(5);
    const all = await Promise.all([mail(), mail({ to }), mail(), mail()].map((each) => transport.send(each)));
    expect(all.flatMap(kinds)).toEqual(Array.from({ length: 8 }, () => "accepted"));
    expect(peer.messages.flatMap(addresses).filter((address) => address !== "bob@b.example").toSorted()).toEqual(to);
  });

  it("C14: a 452 in the middle teaches nothing about the number", async () => {
    const refused = { "r1@b.example": "452 4.5.3 not you" };
    await using peer = await modelPeer({ extensions: ["PIPELINING"], recipients: refused });
    await using transport = plain(peer);
    const receipt = await transport.send(mail({ to: people(4) }));
    expect(kinds(receipt)).toEqual(["accepted", "deferred", "accepted", "accepted"]);
    expect(peer.messages.map(addresses)).toEqual([["r0@b.example", "r2@b.example", "r3@b.example"]]);
  });

  it.each([["LIMITS RCPTMAX=2"], ["HELP"]])("C14: 452 to everybody ends, deferred (%s)", async (extension) => {
    await using peer = await modelPeer({ extensions: ["PIPELINING", extension], on: ({ step }) => (step === "rcpt" ? "452 4.5.3 too many" : undefined) });
    await using transport = plain(peer);
    expect(kinds(await transport.send(mail({ to: people(5) })))).toEqual(Array.from({ length: 5 }, () => "deferred"));
    expect(peer.messages).toEqual([]);
  });

  it("C14: the second transaction refused: the first stays accepted", async () => {
    let transactions = 0;
    await using peer = await modelPeer({ extensions: ["PIPELINING", "LIMITS RCPTMAX=2"], on: ({ step }) => (step === "mail" && ++transactions > 1 ? "451 4.3.0 later" : undefined) });
    await using transport = plain(peer);
    expect(kinds(await transport.send(mail({ to: people(4) })))).toEqual(["accepted", "accepted", "deferred", "deferred"]);
  });

  it("C14 #29: the reply to the second transaction lost: only its recipients are uncertain", async () => {
    const transaction = (s: Parameters<Build>[0]): unknown =>
      s.expectGroup(/^MAIL/, /^RCPT/, /^RCPT/, "DATA").reply("250 ok", "250 ok", "250 ok", "354 go").expectData();
    await using peer = await scripted((s) => s.greet("PIPELINING", "LIMITS RCPTMAX=2").use(transaction).reply("250 ok").use(transaction).drop());
    await using transport = plain(peer);
    const { outcomes } = await transport.send(mail({ to: people(6) }));
    expect(outcomes.map(({ kind }) => kind)).toEqual(["accepted", "accepted", "deferred", "deferred", "deferred", "deferred"]);
    expect(outcomes.map((outcome) => "uncertain" in outcome && outcome.uncertain)).toEqual([false, false, true, true, false, false]);
  });
});
