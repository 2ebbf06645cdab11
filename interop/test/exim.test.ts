import { contentOf } from "@postroad/core";
import type { SmtpOptions, SmtpTransport } from "@postroad/smtp";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { clientAddress } from "../harness/clients.ts";
import type { Exim } from "../harness/exim.ts";
import { startExim } from "../harness/exim.ts";
import { hashesOf, hashesOfArrived, letters, plainly, sendAll } from "../harness/letters.ts";
import { DEFERRED, RECIPIENT_LIMIT } from "../harness/mailbox.ts";
import { bytesOf, mailOf } from "../harness/mails.ts";
import { SAMPLES, closed } from "../harness/samples.ts";

// Exim 4.96 knows no enhanced status codes but those its configuration writes into a reply.
const accepted = { kind: "accepted", status: "2.0.0" };

describe.skipIf("exim" in inject("missing"))("Exim as a relay", () => {
  let exim: Exim;

  beforeAll(async () => {
    exim = await startExim({ program: inject("exim") });
    return () => exim[Symbol.asyncDispose]();
  });

  function connect(port: keyof Exim["ports"], options: Partial<SmtpOptions> = {}): SmtpTransport {
    return plainly(exim.ports[port], options);
  }

  // In its log L. is for PIPELINING, and K for CHUNKING.
  it.for([
    ["C33: in chunks", "relay", " P=esmtp L. K S="],
    ["C29: in pipelined groups", "data", " P=esmtp L. S="],
    ["C2, C3: one command at a time", "lockStep", " P=esmtp S="],
  ] as const)("%s, every byte arrives as it was sent", async ([, port, how]) => {
    const localAddress = clientAddress();
    const samples = SAMPLES.map(({ title, body }) => ({ title, box: exim.mailbox(), bytes: bytesOf(title, body) }));
    await using transport = connect(port, { localAddress });
    const outcomes = await sendAll(transport, samples.map(({ box, bytes }) => mailOf({ to: [box.address], content: contentOf(bytes) })));
    for (const [index, { title, box, bytes }] of samples.entries()) {
      expect(outcomes[index], title).toMatchObject([accepted]);
      const arrived = await box.arrivals(1);
      expect(arrived.map(({ content }) => content.toString("latin1")), title).toEqual([closed(bytes).toString("latin1")]);
    }
    const lines = (await exim.logged("<=")).filter((line) => line.includes(`[${localAddress}]`));
    expect(lines).toHaveLength(SAMPLES.length);
    expect(lines.filter((line) => !line.includes(how))).toEqual([]);
  });

  it.for([
    ["STARTTLS", "relay", "starttls"],
    ["TLS from the first byte", "submissions", "tls"],
  ] as const)("C23: by %s, to a certificate that is verified", async ([, port, security]) => {
    const box = exim.mailbox();
    await using transport = connect(port, { security, tls: { ca: exim.ca } });
    expect((await transport.send(mailOf({ to: [box.address] }))).outcomes).toMatchObject([accepted]);
    const [arrived] = await box.arrivals(1);
    expect(String(arrived?.trace)).toMatch(/with esmtps/);
    await using suspicious = connect(port, { security });
    expect((await suspicious.send(mailOf({ to: [box.address] }))).outcomes).toMatchObject([{ kind: "deferred", diagnosis: { phase: "tls" } }]);
  });

  it.for(["relay", "data", "lockStep"] as const)("C13: each recipient has an outcome of its own (%s)", async (port) => {
    const [first, second] = [exim.mailbox(), exim.mailbox()];
    const to = [first.address, "nobody@example.test", DEFERRED, "ann@elsewhere.example", second.address];
    await using transport = connect(port);
    const { outcomes } = await transport.send(mailOf({ to }));
    expect(outcomes).toMatchObject([
      accepted,
      { kind: "rejected", status: "5.1.1", reply: { code: 550 } },
      { kind: "deferred", status: "4.3.0", reply: { code: 451 } },
      { kind: "rejected", status: "5.7.1", reply: { code: 550 } },
      accepted,
    ]);
    expect(await first.arrivals(1)).toHaveLength(1);
    expect(await second.arrivals(1)).toHaveLength(1);
  });

  it.for(["relay", "data"] as const)("I1, C13: refused recipients within a window cost the others nothing, and each mail arrives once (%s)", async (port) => {
    const box = exim.mailbox();
    const others = ["nobody@example.test", DEFERRED];
    const mails = letters(60, (index) => [...(index % 5 === 3 ? [] : [box.address]), ...(index % 5 >= 2 ? others : [])]);
    await using transport = connect(port, { pool: 2, window: 16 });
    const outcomes = await sendAll(transport, mails);
    for (const [index, all] of outcomes.entries()) {
      const expected = [...(index % 5 === 3 ? [] : ["2.0.0"]), ...(index % 5 >= 2 ? ["5.1.1", "4.3.0"] : [])];
      expect(all.map(({ status }) => status), `mail ${index}`).toEqual(expected);
    }
    const good = mails.filter((_, index) => index % 5 !== 3);
    expect(hashesOfArrived(await box.arrivals(good.length))).toEqual(await hashesOf(good));
  });

  it.for(["relay", "data"] as const)("C14, C55: recipients over the limit go in further transactions (%s)", async (port) => {
    const boxes = Array.from({ length: RECIPIENT_LIMIT + 5 }, () => exim.mailbox());
    await using transport = connect(port);
    const { outcomes } = await transport.send(mailOf({ to: boxes.map(({ address }) => address) }));
    expect(outcomes.filter(({ kind }) => kind !== "accepted")).toEqual([]);
    for (const box of boxes) expect(await box.arrivals(1)).toHaveLength(1);
  });
});
