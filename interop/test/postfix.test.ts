import { contentOf } from "@postroad/core";
import type { SmtpOptions, SmtpTransport } from "@postroad/smtp";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { clientAddress } from "../harness/clients.ts";
import { plainly } from "../harness/letters.ts";
import { DEFERRED, RECIPIENT_LIMIT } from "../harness/mailbox.ts";
import { bytesOf, mailOf } from "../harness/mails.ts";
import { SIZE_LIMIT } from "../harness/postfix-config.ts";
import type { Postfix } from "../harness/postfix.ts";
import { UTF8_ADDRESS, startPostfix } from "../harness/postfix.ts";
import { SAMPLES, closed } from "../harness/samples.ts";

const accepted = { kind: "accepted", status: "2.0.0" };

describe.skipIf("postfix" in inject("missing"))("Postfix as a relay", () => {
  let postfix: Postfix;

  beforeAll(async () => {
    postfix = await startPostfix();
    return () => postfix[Symbol.asyncDispose]();
  });

  function connect(port: keyof Postfix["ports"], options: Partial<SmtpOptions> = {}): SmtpTransport {
    return plainly(postfix.ports[port], options);
  }

  it.for([
    ["C33: in chunks", "relay", "bdat"],
    ["C29: in pipelined groups", "data", "data"],
    ["C2, C3: one command at a time", "lockStep", "data"],
  ] as const)("%s, every byte arrives as it was sent", async ([, port, verb]) => {
    const localAddress = clientAddress();
    const letters = SAMPLES.map(({ title, body }) => ({ title, box: postfix.mailbox(), bytes: bytesOf(title, body) }));
    await using transport = connect(port, { localAddress });
    const sends = letters.map(({ box, bytes }) => transport.send(mailOf({ to: [box.address], content: contentOf(bytes) })));
    const receipts = await Promise.all(sends);
    for (const [index, { title, box, bytes }] of letters.entries()) {
      expect(receipts[index]?.outcomes, title).toMatchObject([accepted]);
      const arrived = await box.arrivals(1);
      expect(arrived.map(({ content }) => content.equals(closed(bytes))), title).toEqual([true]);
    }
    await transport[Symbol.asyncDispose]();
    const [session] = await postfix.sessions(localAddress, 1);
    expect(session?.get("mail")).toEqual({ accepted: SAMPLES.length, given: SAMPLES.length });
    expect(session?.has("bdat")).toBe(verb === "bdat");
    expect(session?.has("data")).toBe(verb === "data");
  });

  it.for(["relay", "data"] as const)("#28: a stream without a size arrives whole (%s)", async (port) => {
    const box = postfix.mailbox();
    const bytes = bytesOf("stream", ".12345678 ".repeat(80).concat("\r\n").repeat(3000));
    async function* open(): AsyncGenerator<Buffer> {
      for (let at = 0; at < bytes.byteLength; at += 30_011) yield bytes.subarray(at, at + 30_011);
    }
    await using transport = connect(port);
    const { outcomes } = await transport.send(mailOf({ to: [box.address], content: { open } }));
    expect(outcomes).toMatchObject([accepted]);
    expect((await box.arrivals(1)).map(({ content }) => content.equals(bytes))).toEqual([true]);
  });

  it.for(["relay", "data", "lockStep"] as const)("C13: each recipient has an outcome of its own (%s)", async (port) => {
    const [first, second] = [postfix.mailbox(), postfix.mailbox()];
    const to = [first.address, "nobody@example.test", DEFERRED, "ann@elsewhere.example", second.address];
    await using transport = connect(port);
    const { outcomes } = await transport.send(mailOf({ to }));
    expect(outcomes).toMatchObject([
      accepted,
      { kind: "rejected", status: "5.1.1", reply: { code: 550 } },
      { kind: "deferred", status: "4.3.0", reply: { code: 451 } },
      { kind: "rejected", status: "5.7.1", reply: { code: 554 } },
      accepted,
    ]);
    expect(await first.arrivals(1)).toHaveLength(1);
    expect(await second.arrivals(1)).toHaveLength(1);
  });

  it.for(["relay", "data", "lockStep"] as const)("C12: goes on after a mail that nobody was to get (%s)", async (port) => {
    const localAddress = clientAddress();
    const box = postfix.mailbox();
    await using transport = connect(port, { localAddress });
    for (let round = 0; round < 3; round += 1) {
      const refused = await transport.send(mailOf({ to: ["nobody@example.test", DEFERRED] }));
      expect(refused.outcomes.map(({ status }) => status)).toEqual(["5.1.1", "4.3.0"]);
      expect((await transport.send(mailOf({ to: [box.address] }))).outcomes).toMatchObject([accepted]);
    }
    expect(await box.arrivals(3)).toHaveLength(3);
    await transport[Symbol.asyncDispose]();
    expect(await postfix.sessions(localAddress, 1)).toHaveLength(1);
  });

  it.for(["relay", "data"] as const)("C14, C55: recipients over the limit go in further transactions (%s)", async (port) => {
    const localAddress = clientAddress();
    const boxes = Array.from({ length: 2 * RECIPIENT_LIMIT + 5 }, () => postfix.mailbox());
    await using transport = connect(port, { localAddress });
    const { outcomes } = await transport.send(mailOf({ to: boxes.map(({ address }) => address) }));
    expect(outcomes.map(({ recipient }) => recipient)).toEqual(boxes.map(({ address }) => address));
    expect(outcomes.filter(({ kind }) => kind !== "accepted")).toEqual([]);
    for (const box of boxes) expect(await box.arrivals(1)).toHaveLength(1);
    await transport[Symbol.asyncDispose]();
    const [session] = await postfix.sessions(localAddress, 1);
    expect(session?.get("mail")?.accepted).toBe(3);
  });

  it("C43: a mail over the announced size is not sent at all", async () => {
    const localAddress = clientAddress();
    const body = "x".repeat(70).concat("\r\n").repeat(SIZE_LIMIT / 70);
    await using transport = connect("relay", { localAddress });
    const { outcomes } = await transport.send(mailOf({ to: ["box0@example.test"], body }));
    expect(outcomes).toMatchObject([{ kind: "rejected", status: "5.3.4" }]);
    expect(outcomes[0]?.reply).toBeUndefined();
    await transport[Symbol.asyncDispose]();
    const [session] = await postfix.sessions(localAddress, 1);
    expect(session?.has("mail")).toBe(false);
  });

  it.for(["relay", "data"] as const)("#28: a mail that turns out too large is refused by the server (%s)", async (port) => {
    const box = postfix.mailbox();
    const chunk = Buffer.from("x".repeat(998).concat("\r\n").repeat(500));
    async function* open(): AsyncGenerator<Buffer> {
      yield bytesOf("large", "");
      for (let sent = 0; sent < 2 * SIZE_LIMIT; sent += chunk.byteLength) yield chunk;
    }
    await using transport = connect(port);
    const [large, small] = await Promise.all([
      transport.send(mailOf({ to: [box.address], content: { open } })),
      transport.send(mailOf({ to: [box.address] })),
    ]);
    expect(large.outcomes).toMatchObject([{ kind: "rejected", status: "5.3.4", reply: { code: 552 } }]);
    expect(small.outcomes).toMatchObject([accepted]);
    expect(await box.arrivals(1)).toHaveLength(1);
  });

  it("C36: an address beyond ASCII goes with SMTPUTF8", async () => {
    const box = postfix.mailbox(UTF8_ADDRESS);
    await using transport = connect("relay");
    expect((await transport.send(mailOf({ to: [UTF8_ADDRESS] }))).outcomes).toMatchObject([accepted]);
    const [arrived] = await box.arrivals(1);
    expect(arrived?.trace.join("\n")).toMatch(/ with UTF8SMTP id /);
  });

  it("C18: keeps the null reverse-path", async () => {
    const box = postfix.mailbox();
    await using transport = connect("relay");
    await transport.send(mailOf({ from: "", to: [box.address] }));
    const [arrived] = await box.arrivals(1);
    expect(arrived?.trace).toContain("Return-Path: <>");
  });

  it("C39 to C41: what the sender wants reported is reported", async () => {
    const [sender, box] = [postfix.mailbox(), postfix.mailbox()];
    const originalRecipient = "rfc822;Ann+Müller@example.com";
    const to = [{ address: box.address, notify: ["success"] as const, originalRecipient }];
    await using transport = connect("relay");
    const dsn = { ret: "hdrs", envid: "order 7+8" } as const;
    expect((await transport.send(mailOf({ from: sender.address, to, dsn }))).outcomes).toMatchObject([accepted]);
    const [report] = await sender.arrivals(1);
    const text = report?.content.toString() ?? "";
    expect(text).toMatch(/^Original-Envelope-Id: order 7\+8\r$/m);
    expect(text).toMatch(/^Action: (delivered|relayed)\r$/m);
    expect(text).toMatch(/^Content-Type: text\/rfc822-headers\r$/m);
  });

  it("C54: sends on when the server has closed an idle connection", async () => {
    const localAddress = clientAddress();
    const box = postfix.mailbox();
    await using transport = connect("impatient", { localAddress });
    await transport.send(mailOf({ to: [box.address] }));
    await postfix.sessions(localAddress, 1);
    expect((await transport.send(mailOf({ to: [box.address] }))).outcomes).toMatchObject([accepted]);
    expect(await box.arrivals(2)).toHaveLength(2);
  });

  it("C29: nothing was ever out of step", async () => {
    const bad = (await postfix.log()).split("\n").filter((line) => /improper|fatal:|panic:/.test(line));
    expect(bad).toEqual([]);
  });
});
