import type { Mail } from "@postroad/core";
import { contentOf, envelope, withDoubts } from "@postroad/core";
import { failover } from "@postroad/routing";
import type { SmtpOptions } from "@postroad/smtp";
import { smtp } from "@postroad/smtp";
import type { ScriptedPeer } from "@postroad/testing/peer";
import { modelPeer, scriptedPeer } from "@postroad/testing/peer";
import { describe, expect, it } from "vitest";

const ANN = "ann@example.net";

function mail(): Mail {
  return { id: "mail-1", envelope: envelope("bob@example.org", [ANN]), content: contentOf(Buffer.from("Subject: hi\r\n\r\nhi\r\n")), meta: {} };
}

/** Takes the whole message and drops the line before its reply. */
async function dropping(): Promise<ScriptedPeer> {
  const peer = await scriptedPeer();
  peer.session((s) => s.greet("PIPELINING").expectGroup(/^MAIL/, /^RCPT/, "DATA").reply("250 ok", "250 ok", "354 go").expectData().drop());
  return peer;
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
    peer.session((s) => s.greet("PIPELINING").expectGroup(/^MAIL/, /^RCPT/, "DATA").reply("250 ok", "250 ok", "354 go").expectData().reply("250 ok").expect("QUIT").reply("221 bye").expectEnd());
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
