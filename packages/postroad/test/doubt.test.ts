import type { Mail, Outcome, Transport } from "@postroad/core";
import { contentOf, doubts, envelope, withDoubts } from "@postroad/core";
import type { QueueEvent, Store } from "@postroad/queue";
import { drain, memoryStore, queue } from "@postroad/queue";
import { balance, failover } from "@postroad/routing";
import type { SmtpOptions } from "@postroad/smtp";
import { smtp } from "@postroad/smtp";
import type { ScriptedPeer } from "@postroad/testing/peer";
import { modelPeer, scriptedPeer } from "@postroad/testing/peer";
import { describe, expect, it } from "vitest";

const ANN = "ann@example.net";

function mail(): Mail {
  return { id: "mail-1", envelope: envelope("bob@example.org", [ANN]), content: contentOf(Buffer.from("Subject: hi\r\n\r\nhi\r\n")), meta: {} };
}

/** Takes the whole message and drops the line before its reply, so many times. */
async function dropping(times: number = 1): Promise<ScriptedPeer> {
  const peer = await scriptedPeer();
  for (let time = 0; time < times; time += 1) {
    peer.session((s) => s.greet("PIPELINING").expectGroup(/^MAIL/, /^RCPT/, "DATA").reply("250 ok", "250 ok", "354 go").expectData().drop());
  }
  return peer;
}

/** Takes the next message, and says so. */
function takeNext(peer: ScriptedPeer): void {
  peer.session((s) => s.greet("PIPELINING").expectGroup(/^MAIL/, /^RCPT/, "DATA").reply("250 ok", "250 ok", "354 go").expectData().reply("250 ok").expect("QUIT").reply("221 bye").expectEnd());
}

/** A worker, until it has deferred or settled so many times. */
async function drained(store: Store, to: Transport, times: number): Promise<readonly Outcome[]> {
  const seen: Outcome[][] = [];
  const enough = Promise.withResolvers<void>();
  const onEvent = (event: QueueEvent): void => {
    if (event.kind === "deferred" || event.kind === "settled") seen.push([...event.outcomes]);
    if (seen.length === times) enough.resolve();
  };
  await using worker = drain(store, to, { schedule: () => 1, bounce: false, onEvent });
  await enough.promise;
  await worker.stop();
  return seen.flat();
}

/** Who may have the mail, as the queue keeps it. */
async function noteOf(store: Store): Promise<string | undefined> {
  const [entry] = await store.list();
  return doubts(entry?.meta ?? {}).get(ANN);
}

function plain(port: number, more: Partial<SmtpOptions> = {}): SmtpOptions {
  return { host: "127.0.0.1", port, security: "none", ...more };
}

describe("a doubt after a restart, with the note that a queue keeps of it", () => {
  it("leads back to the port that may have the mail, of two on one host", async () => {
    await using other = await modelPeer();
    await using peer = await dropping();
    await using before = failover(smtp(plain(peer.port)), smtp(plain(other.port)));
    const [outcome] = (await before.send(mail())).outcomes;
    expect(outcome).toMatchObject({ kind: "deferred", uncertain: true, by: `smtp:127.0.0.1:${peer.port}` });
    takeNext(peer);
    await using after = failover(smtp(plain(other.port)), smtp(plain(peer.port)));
    const noted = { ...mail(), meta: withDoubts({}, new Map([[ANN, outcome?.by ?? ""]])) };
    expect((await after.send(noted)).outcomes).toMatchObject([{ kind: "accepted", remote: `127.0.0.1:${peer.port}` }]);
    expect(other.messages).toHaveLength(0);
  });

  it("leads back to the user that may have the mail, of two on one port, where each has a label", async () => {
    await using peer = await modelPeer({ users: { bulk: "1", orders: "2" } });
    const [bulk, orders] = ["bulk", "orders"].map((label, index) =>
      smtp(plain(peer.port, { label, auth: { user: label, pass: String(index + 1) }, insecureCleartextAuth: true })),
    );
    if (bulk === undefined || orders === undefined) throw new Error("not made");
    await using both = failover(bulk, orders);
    const noted = { ...mail(), meta: withDoubts({}, new Map([[ANN, "smtp:orders"]])) };
    expect((await both.send(noted)).outcomes).toMatchObject([{ kind: "accepted", by: "smtp:orders" }]);
    expect((await both.send({ ...mail(), id: "mail-2" })).outcomes).toMatchObject([{ kind: "accepted", by: "smtp:bulk" }]);
  });
});

describe("a doubt in a queue whose servers take the message and drop the line", () => {
  it.for(["failover", "balance"] as const)("stays with the one that was sent to first, behind %s", async (which) => {
    await using first = await dropping(3);
    // Any connection to it is one too many, and fails the test.
    await using second = await dropping(0);
    const store = memoryStore();
    await queue(store).send(mail());
    const both = [smtp(plain(first.port)), smtp(plain(second.port))];
    const outcomes = await drained(store, which === "failover" ? failover(...both) : balance(both), 3);
    expect(outcomes).toMatchObject(Array.from({ length: 3 }, () => ({ kind: "deferred", uncertain: true, by: `smtp:127.0.0.1:${first.port}` })));
    // After a restart too.
    takeNext(first);
    expect(await drained(store, failover(smtp(plain(second.port)), smtp(plain(first.port))), 1)).toMatchObject([{ kind: "accepted" }]);
  });

  it.for([0, 1] as const)("that two of them share leads to the one that is still there: %i", async (stays) => {
    await using first = await dropping();
    await using second = await dropping();
    await using third = await modelPeer();
    const store = memoryStore();
    await queue(store).send(mail());
    for (const { port } of [first, second]) await drained(store, smtp(plain(port)), 1);
    expect(await noteOf(store)).toBe(`smtp:127.0.0.1:${first.port} smtp:127.0.0.1:${second.port}`);
    const peer = [first, second][stays] ?? first;
    takeNext(peer);
    expect(await drained(store, failover(smtp(plain(third.port)), smtp(plain(peer.port))), 1)).toMatchObject([{ kind: "accepted", remote: `127.0.0.1:${peer.port}` }]);
    expect(third.messages).toHaveLength(0);
  });
});
