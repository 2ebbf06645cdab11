import { contentOf } from "@postroad/core";
import type { ModelPeerOptions } from "@postroad/testing/peer";
import { describe, expect, it } from "vitest";
import { mx } from "../src/index.ts";
import { dnsServer } from "./dns-server.ts";
import type { Farm } from "./support.ts";
import { first, kinds, local, mail, world } from "./support.ts";

/** Every peer a host of its own, with preference 10, 20 … */
function inOrder(hosts: Farm): Record<string, readonly string[]> {
  const names = hosts.peers.map((_, index) => `mx${index}.example.net`);
  return {
    "MX example.net": names.map((name, index) => `${(index + 1) * 10} ${name}`),
    ...Object.fromEntries(names.map((name, index) => [`A ${name}`, [hosts.host(index)]])),
  };
}

/** For a busy machine. */
const PATIENCE = { timeout: 20_000 };

/** How many messages each peer took. */
function taken({ hosts }: { readonly hosts: Farm }): readonly number[] {
  return hosts.peers.map(({ messages }) => messages.length);
}

const connections = ({ hosts }: { readonly hosts: Farm }): readonly number[] => hosts.peers.map((peer) => peer.connections.total);

describe("delivery", () => {
  it("C55: all recipients of a domain in one transaction, by its mail exchanger", async () => {
    await using at = await world([{}], inOrder);
    const receipt = await at.transport.send(mail({ to: ["bob@example.net", "eve@EXAMPLE.net"] }));
    expect(kinds(receipt)).toEqual(["accepted", "accepted"]);
    expect(first(receipt)).toMatchObject({ by: "mx", remote: `mx0.example.net[${at.hosts.host(0)}]:${at.hosts.port}` });
    expect(at.hosts.peers[0]?.messages).toMatchObject([{ from: "ann@sender.example", to: [{ address: "bob@example.net" }, { address: "eve@EXAMPLE.net" }] }]);
  });

  it("C55: domains with the same hosts share a transaction, and others have their own; outcomes stay in order", async () => {
    await using at = await world([{ recipients: { "no@b.example": "550 5.1.1 nobody" } }, {}], (hosts) => ({
      "MX a.example": ["10 mx0.example.net"], "MX b.example": ["5 mx0.example.net"], "MX c.example": ["10 mx1.example.net"],
      "A mx0.example.net": [hosts.host(0)], "A mx1.example.net": [hosts.host(1)],
    }));
    const to = ["1@a.example", "2@c.example", "no@b.example", "3@gone.example", "4@b.example"];
    const receipt = await at.transport.send(mail({ to }));
    expect(receipt.outcomes.map(({ recipient }) => recipient)).toEqual(to);
    expect(receipt.outcomes.map(({ status }) => status)).toEqual(["2.0.0", "2.0.0", "5.1.1", "5.1.2", "2.0.0"]);
    expect(taken(at)).toEqual([1, 1]);
  });

  it("M1: the best host gets the mail, and of equals one at random", async () => {
    const zone = (hosts: Farm): Record<string, readonly string[]> => ({ ...inOrder(hosts), "MX example.net": ["20 mx0.example.net", "10 mx1.example.net", "10 mx2.example.net"] });
    const picks: (readonly number[])[] = [];
    for (const chance of [0, 0.99]) {
      await using at = await world([{}, {}, {}], zone, { random: () => chance });
      await at.transport.send(mail());
      picks.push(taken(at));
    }
    expect(picks).toEqual([[0, 0, 1], [0, 1, 0]]);
  });

  it.each<[string, ModelPeerOptions["on"]]>([
    ["a 4xx greeting", ({ step }) => (step === "greeting" ? "421 4.3.2 not now" : undefined)],
    ["a 5xx greeting", ({ step }) => (step === "greeting" ? "554 5.7.1 not you" : undefined)],
    ["a drop at the greeting", ({ step }) => (step === "greeting" ? { drop: "before" } : undefined)],
    ["a 4xx to EHLO", ({ step }) => (step === "ehlo" ? "450 4.3.2 not now" : undefined)],
    ["a drop at EHLO", ({ step }) => (step === "ehlo" ? { drop: "mid" } : undefined)],
    ["a 421 to MAIL", ({ step }) => (step === "mail" ? "421 4.3.2 closing" : undefined)],
    ["a drop at RCPT", ({ step }) => (step === "rcpt" ? { drop: "before" } : undefined)],
    ["a system in trouble", ({ step }) => (step === "mail" ? "452 4.3.1 disk full" : undefined)],
  ])("M16: after %s the next host is tried", async (_, on) => {
    await using at = await world([{ ...(on !== undefined && { on }) }, {}], inOrder);
    expect(first(await at.transport.send(mail()))).toMatchObject({ kind: "accepted", remote: expect.stringContaining("mx1.example.net") });
    expect(taken(at)).toEqual([0, 1]);
  });

  it.each([
    ["550 5.1.1 no such user", "rejected", "5.1.1"],
    ["450 4.2.1 later", "deferred", "4.2.1"],
    ["451 4.7.1 greylisted", "deferred", "4.7.1"],
  ])("M15 M16: %s at RCPT is a verdict on that recipient, and no other host is asked", async (reply, kind, status) => {
    await using at = await world([{ recipients: { "eve@example.net": reply } }, {}], inOrder);
    const receipt = await at.transport.send(mail({ to: ["bob@example.net", "eve@example.net"] }));
    expect(receipt.outcomes).toMatchObject([{ kind: "accepted" }, { kind, status, diagnosis: { phase: "rcpt" } }]);
    expect(connections(at)).toEqual([1, 0]);
  });

  it("M16 #29: who may have taken the mail is never followed by another host", async () => {
    await using at = await world([{ on: ({ step }) => (step === "message" ? { drop: "before" } : undefined) }, {}], inOrder);
    expect(first(await at.transport.send(mail()))).toMatchObject({ kind: "deferred", uncertain: true, diagnosis: { phase: "final" } });
    expect(connections(at)).toEqual([1, 0]);
  });

  it("M7: at least two addresses are tried, none of them twice, and the failure says where it was tried", async () => {
    const busy = { on: ({ step }: { readonly step: string }) => (step === "greeting" ? "421 4.3.2 busy" : undefined) };
    await using at = await world([busy, busy], (hosts) => ({
      "MX example.net": ["10 a.example.net", "20 b.example.net"],
      "A a.example.net": [hosts.host(0), hosts.host(1)], "A b.example.net": [hosts.host(1), hosts.host(0)],
    }), { maxAddresses: 2 });
    const outcome = first(await at.transport.send(mail()));
    expect(outcome).toMatchObject({ kind: "deferred", status: "4.3.2", remote: expect.stringContaining(at.hosts.host(1)) });
    expect("message" in outcome && outcome.message).toContain(`also tried: a.example.net[${at.hosts.host(0)}]`);
    expect(connections(at)).toEqual([1, 1]);
  });

  it("M7: no more addresses than allowed", async () => {
    const busy = { on: ({ step }: { readonly step: string }) => (step === "greeting" ? "421 4.3.2 busy" : undefined) };
    await using at = await world([busy, busy, busy, {}], inOrder, { maxAddresses: 3 });
    expect(kinds(await at.transport.send(mail()))).toEqual(["deferred"]);
    expect(connections(at)).toEqual([1, 1, 1, 0]);
  });

  it("M40: a host that is out of reach is a typed failure, and the next address is tried", async () => {
    await using at = await world([{}], (hosts) => ({
      "MX example.net": ["10 gone.example.net", "20 mx0.example.net"], "A gone.example.net": [hosts.host(20)], "A mx0.example.net": [hosts.host(0)],
      "MX gone.example": ["10 gone.example.net"],
    }));
    expect(kinds(await at.transport.send(mail()))).toEqual(["accepted"]);
    const outcome = first(await at.transport.send(mail({ to: ["bob@gone.example"] })));
    expect(outcome).toMatchObject({ kind: "deferred", status: "4.4.1", diagnosis: { phase: "connect", code: "ECONNREFUSED", advice: expect.any(String) } });
  });

  it("M40: without a route to one family the other is used", async () => {
    await using at = await world([{}], (hosts) => ({ "MX example.net": ["10 mx.example.net"], "AAAA mx.example.net": ["100::1"], "A mx.example.net": [hosts.host(0)] }), {
      addresses: "ipv6-first", allow: ["127.0.0.0/8", "100::/64"], timeouts: { connect: 3000 },
    });
    expect(first(await at.transport.send(mail()))).toMatchObject({ kind: "accepted", remote: expect.stringContaining("127.") });
  });

  it("M2 M5 M8 M19: what DNS says of a domain decides before any connection", async () => {
    await using at = await world([{}], (hosts) => ({
      "MX null.example": ["0 ."], "MX me.example": ["10 client.example"], "MX inside.example": ["10 inside.example.net"], "MX broken.example": "SERVFAIL",
      "A inside.example.net": ["10.0.0.1"], "MX lost.example": ["10 nowhere.example"], "TXT bare.example": ["x"], "A implicit.example": [hosts.host(0)],
      "MX addressless.example": ["10 no-a.example"], "A no-a.example": "SERVFAIL", "TXT no-a.example": ["x"],
    }));
    const domains = ["none.example", "null.example", "me.example", "inside.example", "broken.example", "lost.example", "bare.example", "addressless.example", "implicit.example"];
    const receipt = await at.transport.send(mail({ to: [...domains.map((domain) => `bob@${domain}`), "bob@[10.0.0.1]", `bob@[${at.hosts.host(0)}]`] }));
    expect(receipt.outcomes.map(({ status }) => status)).toEqual(["5.1.2", "5.1.10", "5.4.6", "4.4.4", "4.4.3", "5.4.4", "5.1.2", "4.4.3", "2.0.0", "5.4.4", "2.0.0"]);
    expect(receipt.outcomes.filter(({ kind }) => kind !== "accepted").every((outcome) => "diagnosis" in outcome && outcome.diagnosis?.phase === "dns")).toBe(true);
  });

  it("M5: this host is known by address, too; hosts that are better than it still get the mail", async () => {
    await using at = await world([{}, {}], (hosts) => ({
      ...inOrder(hosts), "MX loop.example": ["10 mx1.example.net", "20 mx0.example.net"],
      "MX example.net": ["10 mx0.example.net", "20 mx1.example.net", "20 gone.example.net"], "A gone.example.net": [hosts.host(9)],
    }), {});
    await using dns = await dnsServer(at.dns.zone);
    await using transport = mx(local(dns, at.hosts.port, { self: [at.hosts.host(1)] }));
    const receipt = await transport.send(mail({ to: ["bob@example.net", "bob@loop.example"] }));
    expect(receipt.outcomes.map(({ status }) => status)).toEqual(["2.0.0", "5.4.6"]);
    await at.hosts.peers[0]?.[Symbol.asyncDispose]();
    const later = first(await transport.send(mail()));
    expect(later).toMatchObject({ kind: "deferred", remote: expect.stringContaining("mx0.example.net") });
  });

  it("M5: an address of this host is known however it is written", async () => {
    await using at = await world([{}], () => ({ "MX example.net": ["10 mx.example.net"], "AAAA mx.example.net": ["2001:db8::a"] }), {
      addresses: "ipv6-first", self: ["2001:DB8:0:0:0:0:0:A"],
    });
    expect(first(await at.transport.send(mail()))).toMatchObject({ status: "5.4.6" });
  });

  it("what tlsReports throws is a warning, and not the mail's outcome", async () => {
    const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
    const record = (): never => {
      throw new Error("no disk");
    };
    await using at = await world([{}], inOrder, { tlsReports: { record } });
    expect(kinds(await at.transport.send(mail()))).toEqual(["accepted"]);
    expect((await warned).message).toContain("no disk");
  });

  it("a bug that meets one domain leaves the others their outcomes", async () => {
    await using at = await world([{}, {}], (hosts) => ({ ...inOrder(hosts), "MX a.example": ["10 mx0.example.net"], "MX b.example": ["10 mx1.example.net", "10 mx0.example.net"] }), {
      random() {
        throw new Error("no chance");
      },
    });
    const receipt = await at.transport.send(mail({ to: ["bob@a.example", "bob@b.example"] }));
    expect(receipt.outcomes).toMatchObject([{ kind: "accepted" }, { kind: "deferred", status: "4.3.0", uncertain: true, message: expect.stringContaining("no chance") }]);
  });

  it("M6: a domain that is an alias, and a host that is one", async () => {
    await using at = await world([{}], (hosts) => ({
      "CNAME example.net": ["real.example"], "MX real.example": ["10 alias.example"], "CNAME alias.example": ["host.example"], "A host.example": [hosts.host(0)],
    }));
    expect(first(await at.transport.send(mail()))).toMatchObject({ kind: "accepted", remote: expect.stringContaining("alias.example") });
  });

  it("M14: a source route is stripped on the wire, and the outcome names the recipient as given", async () => {
    await using at = await world([{}], inOrder);
    const to = ["@relay.example,@b.example:bob@example.net", "bob@example.net"];
    const receipt = await at.transport.send(mail({ to }));
    expect(receipt.outcomes).toMatchObject(to.map((recipient) => ({ kind: "accepted", recipient })));
    expect(at.hosts.peers[0]?.messages).toMatchObject([{ to: [{ address: "bob@example.net" }] }]);
  });

  it("C37 C43: a host that lacks what the mail needs is followed by one that has it; where none has, that is final", async () => {
    await using at = await world([{ extensions: ["8BITMIME"] }, { extensions: ["8BITMIME", "SMTPUTF8"] }], (hosts) => ({
      ...inOrder(hosts), "MX old.example": ["10 mx0.example.net"], "MX half.example": ["10 mx0.example.net", "20 gone.example.net"], "A gone.example.net": [hosts.host(9)],
    }));
    const receipt = await at.transport.send(mail({ to: ["jürgen@example.net", "jürgen@old.example", "jürgen@half.example"], rest: { smtputf8: true } }));
    expect(receipt.outcomes).toMatchObject([
      { kind: "accepted", remote: expect.stringContaining("mx1") },
      { kind: "rejected", status: "5.6.7" },
      // The one that could not be asked may be able to.
      { kind: "deferred", status: "4.4.1" },
    ]);
  });

  it("M36: DSN parameters go along where the host knows them; where not, the outcome says so", async () => {
    await using at = await world([{ extensions: ["DSN"] }, {}], (hosts) => ({ ...inOrder(hosts), "MX example.net": ["10 mx0.example.net"], "MX old.example": ["10 mx1.example.net"] }));
    const notify = ["success", "failure"] as const;
    const to = [{ address: "bob@example.net", notify }, { address: "eve@old.example", notify }];
    const receipt = await at.transport.send(mail({ to, rest: { dsn: { ret: "hdrs", envid: "e1" } } }));
    expect(receipt.outcomes).toMatchObject([{ kind: "accepted" }, { kind: "accepted", relayed: true }]);
    expect(receipt.outcomes[0]).not.toHaveProperty("relayed");
    expect(at.hosts.peers[0]?.messages).toMatchObject([{ parameters: expect.arrayContaining(["RET=HDRS", "ENVID=e1"]), to: [{ parameters: ["NOTIFY=SUCCESS,FAILURE"] }] }]);
  });

  it("connections are shared by host, not by domain, and let go of when nobody needs them", async () => {
    await using at = await world([{}, {}], (hosts) => ({ ...inOrder(hosts), "MX a.example": ["10 mx0.example.net"], "MX b.example": ["10 mx0.example.net"] }), { pools: { hosts: 1 } });
    for (const domain of ["a.example", "b.example"]) await at.transport.send(mail({ to: [`bob@${domain}`] }));
    expect(connections(at)).toEqual([1, 0]);
    expect(at.transport.stats()).toMatchObject({ hosts: 1, connections: 1, waiting: 0, sending: 0 });
    at.dns.zone["MX example.net"] = ["10 mx1.example.net"];
    await at.transport.send(mail());
    expect(at.transport.stats()).toMatchObject({ hosts: 1 });
    await expect.poll(() => at.hosts.peers[0]?.connections.open, PATIENCE).toBe(0);
  });

  it("a host that nobody sends to is let go of after a while", async () => {
    await using at = await world([{}], inOrder, { pools: { idle: 20 } });
    await at.transport.send(mail());
    await expect.poll(() => at.transport.stats().hosts, PATIENCE).toBe(0);
    await expect.poll(() => at.hosts.peers[0]?.connections.open, PATIENCE).toBe(0);
    expect(kinds(await at.transport.send(mail()))).toEqual(["accepted"]);
  });

  it("M10: a thousand mails to a dead host cost few connections", async () => {
    let greeted = 0;
    await using at = await world([{ on: ({ step }) => (step === "greeting" ? ((greeted += 1), "421 4.3.2 busy") : undefined) }], inOrder);
    const receipts = await Promise.all(Array.from({ length: 1000 }, () => at.transport.send(mail())));
    expect(new Set(receipts.flatMap(kinds))).toEqual(new Set(["deferred"]));
    expect(greeted).toBeLessThanOrEqual(10);
  });

  it("#34: an abort ends it, whether DNS or a host is waited for", async () => {
    const end = Promise.withResolvers<undefined>();
    await using at = await world([{ on: ({ step }) => (step === "greeting" ? end.promise : undefined) }], (hosts) => ({ ...inOrder(hosts), "MX slow.example": "drop" }));
    for (const [address, waits] of [["bob@example.net", () => at.hosts.peers[0]?.connections.total === 1], ["bob@slow.example", () => at.dns.queries.includes("udp MX slow.example")]] as const) {
      const abort = new AbortController();
      const sent = at.transport.send(mail({ to: [address] }), { signal: abort.signal });
      await expect.poll(waits, PATIENCE).toBe(true);
      abort.abort();
      const outcome = first(await sent);
      expect(outcome).toMatchObject({ kind: "deferred", status: "4.3.2" });
      expect(outcome).not.toHaveProperty("uncertain");
    }
    end.resolve(undefined);
  });

  it("content that cannot be read is told as such", async () => {
    await using at = await world([{}], inOrder);
    const content = {
      open(): Iterable<Uint8Array> {
        throw new Error("gone");
      },
    };
    expect(first(await at.transport.send(mail({ content })))).toMatchObject({ kind: "deferred", diagnosis: { phase: "body" } });
  });

  it("check() asks whether DNS answers", async () => {
    await using at = await world([{}], inOrder);
    await at.transport.check();
    await using broken = await dnsServer({ "A localhost": "SERVFAIL" });
    await using transport = mx(local(broken, 25));
    await expect(transport.check()).rejects.toMatchObject({ status: "4.4.3" });
  });

  it("a mail of many chunks arrives as it is", async () => {
    await using at = await world([{}], inOrder);
    const bytes = Buffer.from(`Subject: x\r\n\r\n${"line of text\r\n".repeat(20_000)}`);
    await at.transport.send(mail({ content: contentOf(bytes) }));
    expect(at.hosts.peers[0]?.messages[0]?.content.equals(bytes)).toBe(true);
  });
});
