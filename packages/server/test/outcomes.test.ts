import { fake } from "@postroad/testing/fake";
import type { FakeScript } from "@postroad/testing/fake";
import { transport } from "@postroad/core";
import { describe, expect, it } from "vitest";
import { createServer } from "../src/index.ts";
import type { MxOptions } from "../src/index.ts";
import { ENVELOPE, MESSAGE, lmtp, mx, textOf } from "./support.ts";

const BOB = "RCPT TO:<bob@example.org>";

async function answerTo(script: FakeScript, options: Partial<MxOptions> = {}, from: string = ENVELOPE[1]): Promise<string | undefined> {
  await using running = await mx(options, fake(script));
  await using client = await running.dial();
  return await client.say(ENVELOPE[0], from, ENVELOPE[2], BOB, "DATA", `${MESSAGE}\r\n.`);
}

describe("outcomes", () => {
  it("U20: 250 only when the transport has taken it, with its name for it", async () => {
    const to = fake({ "ann@example.org": { kind: "accepted", ref: "Q123" } });
    to.hold();
    await using running = await mx({}, to);
    await using client = await running.dial();
    await client.say(...ENVELOPE, "DATA");
    client.send(`${MESSAGE}\r\n.\r\n`);
    await to.call(1);
    const reply = client.reply();
    expect(await Promise.race([reply, new Promise((resolve) => setTimeout(() => resolve("nothing yet"), 50))])).toBe("nothing yet");
    to.release();
    expect(await reply).toBe("250 2.0.0 queued as Q123");
  });

  it.each<[string, FakeScript, string]>([
    ["deferred", { "ann@example.org": { kind: "deferred", status: "4.2.2", message: "full" }, "bob@example.org": "deferred" }, "452 4.2.2 full"],
    ["queue full", { "ann@example.org": { kind: "deferred", status: "4.3.1", message: "the disk is full" }, "bob@example.org": "deferred" }, "452 4.3.1 the disk is full"],
    ["rejected", { "ann@example.org": { kind: "rejected", status: "5.1.1", message: "nobody" }, "bob@example.org": "rejected" }, "550 5.1.1 nobody"],
    ["some deferred, the others rejected", { "ann@example.org": "rejected", "bob@example.org": { kind: "deferred", status: "4.4.1", message: "later" } }, "451 4.4.1 later"],
    ["a bug", { "ann@example.org": { kind: "deferred", status: "4.3.0", message: "TypeError: secret" }, "bob@example.org": "deferred" }, "451 4.3.0 local error in processing, try again later"],
  ])("U20: %s", async (_, script, reply) => {
    expect(await answerTo(script)).toBe(reply);
  });

  it("U20: what a transport throws is a 451", async () => {
    await using server = await createServer({ mode: "mx", recipient: () => true, to: transport("broken", () => { throw new Error("x"); }) }).listen({ port: 0, host: "127.0.0.1" });
    const { dial } = await import("./client.ts");
    await using client = await dial(server.port);
    await client.reply();
    expect(await client.say(...ENVELOPE, "DATA", `${MESSAGE}\r\n.`)).toMatch(/^451 4\.3\.0 /);
  });

  it("one answer cannot say that some have it: the client hears who, and sends to nobody again", async () => {
    const script = { "bob@example.org": { kind: "deferred", status: "4.2.2", message: "full" } } as const;
    const expected = "554-5.5.0 some recipients have it, do not send it to them again; these have not:\r\n554 5.5.0 <bob@example.org> 4.2.2 full";
    expect(await answerTo(script)).toBe(expected);
    await using bounce = fake({ "bob@elsewhere.example": "deferred" });
    expect(await answerTo(script, { bounce })).toBe(expected);
    expect(await answerTo(script, { bounce }, "MAIL FROM:<>")).toBe(expected);
  });

  it("with bounce the client hears 250, and the sender hears of the others by mail", async () => {
    const bounce = fake();
    expect(await answerTo({ "bob@example.org": { kind: "rejected", status: "5.1.1", message: "nobody" } }, { bounce })).toMatch(/^250 2\.0\.0 queued as /);
    const [call] = bounce.calls;
    expect(call?.mail.envelope).toMatchObject({ from: "", to: [{ address: "bob@elsewhere.example" }] });
    expect(textOf(call?.bytes)).toMatch(/Reporting-MTA: dns; ?mx\.example\.org/);
    expect(textOf(call?.bytes)).toMatch(/Final-Recipient: rfc822; ?bob@example\.org\r\nAction: failed\r\nStatus: 5\.1\.1/);
    expect(textOf(call?.bytes)).not.toMatch(/Final-Recipient: rfc822; ?ann/);
    expect(bounce.disposed).toBe(1);
  });

  it("with bounce nobody hears of a failure who asked not to", async () => {
    await using bounce = fake();
    await using running = await mx({ bounce }, fake({ "bob@example.org": "rejected" }));
    await using client = await running.dial();
    expect(await client.say(...ENVELOPE, `${BOB} NOTIFY=NEVER`, "DATA", `${MESSAGE}\r\n.`)).toMatch(/^250 /);
    expect(bounce.calls).toEqual([]);
  });

  it("#47: a client that is gone before the 250 changes nothing: the mail is taken, and may come again", async () => {
    const to = fake();
    to.hold();
    await using running = await mx({}, to);
    await using client = await running.dial();
    await client.say(...ENVELOPE, "DATA");
    client.send(`${MESSAGE}\r\n.\r\n`);
    await to.call(1);
    client.socket.resetAndDestroy();
    await new Promise((resolve) => client.socket.once("close", resolve));
    to.release();
    expect(await running.event("mail")).toMatchObject({ receipt: { outcomes: [{ kind: "accepted" }] } });
  });

  it("a transport that does not come to an end is told to stop, and the client hears 451", async () => {
    const to = fake();
    to.hold();
    await using running = await mx({ timeouts: { send: 50 } }, to);
    await using client = await running.dial();
    expect(await client.say(...ENVELOPE, "DATA", `${MESSAGE}\r\n.`)).toMatch(/^451 4\.3\.[02] /);
    expect(to.calls[0]?.signal?.aborted).toBe(true);
  });

  it("policies see the mail in turn, may change it, and what they throw is a refusal", async () => {
    const { contentOf, readAll, reseal } = await import("@postroad/core");
    const policies: MxOptions["policies"] = [
      { name: "mark", message: async (mail) => reseal(mail, contentOf(Buffer.concat([Buffer.from("X-Seen: 1\r\n"), await readAll(mail.content)]))) },
      { name: "look", message: async (mail) => { if (!textOf(await readAll(mail.content)).startsWith("X-Seen: 1\r\nReceived: ")) throw new Error("not seen"); return mail; } },
    ];
    await using running = await mx({ policies });
    await using client = await running.dial();
    expect(await client.say(...ENVELOPE, "DATA", `${MESSAGE}\r\n.`)).toMatch(/^250 /);
    expect(textOf(running.to.calls[0]?.bytes).startsWith("X-Seen: 1\r\nReceived: ")).toBe(true);
  });
});

describe("LMTP", () => {
  it("X7: one answer for each recipient, in order, also where one is named twice", async () => {
    await using running = await lmtp({}, fake({ "bob@example.org": { kind: "deferred", status: "4.2.2", message: "full" }, "cid@example.org": "rejected" }));
    await using client = await running.dial();
    await client.say("LHLO client.example", "MAIL FROM:<>", ENVELOPE[2], BOB, "RCPT TO:<cid@example.org>", ENVELOPE[2], "DATA");
    client.send(`${MESSAGE}\r\n.\r\n`);
    const replies = [await client.reply(), await client.reply(), await client.reply(), await client.reply()];
    expect(replies).toEqual([expect.stringMatching(/^250 2\.0\.0 /), "452 4.2.2 full", "554 5.0.0 rejected by script", expect.stringMatching(/^250 2\.0\.0 /)]);
    expect(running.to.calls[0]?.recipients).toEqual(["ann@example.org", "bob@example.org", "cid@example.org"]);
    expect(await client.say("NOOP")).toBe("250 2.0.0 ok");
  });

  it("X7: a message that is refused is refused for each, after DATA and after the last chunk", async () => {
    await using running = await lmtp();
    await using client = await running.dial();
    await client.say("LHLO client.example", "MAIL FROM:<>", ENVELOPE[2], BOB, "DATA");
    client.send("a\nb\r\n.\r\n");
    for (let i = 0; i < 2; i += 1) expect(await client.reply()).toMatch(/^550 5\.5\.2 /);
    await client.say("MAIL FROM:<>", ENVELOPE[2], BOB);
    client.send("BDAT 10 LAST\r\nA: b\r\n\r\nhi");
    for (let i = 0; i < 2; i += 1) expect(await client.reply()).toMatch(/^250 2\.0\.0 /);
    expect(await client.say("NOOP")).toBe("250 2.0.0 ok");
  });

  it("EHLO and HELO are not known, LHLO is", async () => {
    await using running = await lmtp();
    await using client = await running.dial();
    expect(await client.say("EHLO client.example")).toMatch(/^500 5\.5\.1 /);
    expect(await client.say("HELO client.example")).toMatch(/^500 5\.5\.1 /);
    expect(await client.say("MAIL FROM:<>")).toBe("503 5.5.1 say LHLO first");
    expect(await client.say("LHLO client.example")).toContain("PIPELINING");
  });

  it("6.1: who has the mail is told so although it is the last error that is borne", async () => {
    await using running = await lmtp({ limits: { errors: 1 } }, fake({ "bob@example.org": "rejected" }));
    await using client = await running.dial();
    await client.say("LHLO client.example", "MAIL FROM:<>", ENVELOPE[2], "RCPT TO:<bob@example.org>", "DATA");
    client.send(`${MESSAGE}\r\n.\r\n`);
    expect(await client.reply()).toMatch(/^250 /);
    expect(await client.reply()).toMatch(/^5/);
    expect(await client.say("NOOP")).toMatch(/^421 4\.7\.0 too many errors/);
  });

  it("over a Unix socket", async () => {
    const path = `/tmp/postroad-${process.pid}-${Math.trunc(performance.now() * 1000)}.sock`;
    await using server = await createServer({ mode: "lmtp", to: fake() }).listen({ path });
    const { dial } = await import("./client.ts");
    await using client = await dial(0, { path });
    expect(await client.reply()).toMatch(/^220 /);
    expect(await client.say("LHLO client.example", "MAIL FROM:<>", ENVELOPE[2], "DATA", `${MESSAGE}\r\n.`)).toMatch(/^250 /);
    expect(server.ports).toEqual([]);
  });
});
