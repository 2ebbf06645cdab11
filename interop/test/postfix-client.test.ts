import { contentOf, transport } from "@postroad/core";
import { createServer } from "@postroad/server";
import { smtp } from "@postroad/smtp";
import { fake } from "@postroad/testing/fake";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, inject, it } from "vitest";
import { temporaryFolder } from "../harness/folder.ts";
import { arrivalOf } from "../harness/maildir.ts";
import { bytesOf, mailOf } from "../harness/mails.ts";
import { KEPT, LATER, REFUSED, startNextServer } from "../harness/next-server.ts";
import type { NextServer } from "../harness/next-server.ts";
import type { Postfix } from "../harness/postfix.ts";
import { startPostfix } from "../harness/postfix.ts";
import { SAMPLES, closed } from "../harness/samples.ts";
import { startTap } from "../harness/tap.ts";

const LETTER = closed(bytesOf("postfix", Buffer.concat(SAMPLES.map(({ body }) => Buffer.concat([body, Buffer.from("\r\n")])))));
const relaying = { smtpd_recipient_restrictions: "permit_mynetworks, reject", recipient_delimiter: "" };

/** A Postfix that sends on by this transport what is not for a mailbox of its own. */
function postfixTo(next: string, settings: Readonly<Record<string, string>> = {}, trusted?: string): Promise<Postfix> {
  return startPostfix({ settings: { ...relaying, default_transport: next, ...settings }, ...(trusted !== undefined && { trusted }) });
}

/** One that insists on a certificate for `next.test` by this authority. */
function strictTo({ server }: NextServer, authority: string): Promise<Postfix> {
  return postfixTo(`smtp:[127.0.0.1]:${server.port}`, { smtp_tls_security_level: "secure", smtp_tls_secure_cert_match: "next.test" }, authority);
}

async function submit(postfix: Postfix, from: string, to: readonly string[], bytes: Buffer = LETTER): Promise<void> {
  await using client = smtp({ host: "127.0.0.1", port: postfix.ports.relay, security: "none" });
  const { outcomes } = await client.send(mailOf({ from, to, content: contentOf(bytes) }));
  expect(outcomes.map(({ kind }) => kind)).toEqual(to.map(() => "accepted"));
}

/** The octets that Postfix was given, of those that came in. */
function given(bytes: Uint8Array | undefined): string {
  return arrivalOf(Buffer.from(bytes ?? [])).content.toString("latin1");
}

describe.skipIf("postfix" in inject("missing"))("Postfix as a client of the server", () => {
  it("U4, M15: by STARTTLS every byte arrives once; who is refused is reported, who is deferred waits in its queue", async () => {
    await using next = await startNextServer();
    await using postfix = await strictTo(next, next.ca);
    const sender = postfix.mailbox();
    await submit(postfix, sender.address, [KEPT, REFUSED, LATER]);
    expect(await postfix.waiting()).toMatchObject([{ address: LATER, reason: expect.stringContaining("450 4.2.1 come back later") }]);
    expect(await postfix.logged("to=<kept@next.test>")).toMatch(/dsn=2\.0\.0, status=sent \(250 2\.0\.0 queued as /);
    expect(await postfix.logged("to=<refused@next.test>")).toMatch(/dsn=5\.1\.1, status=bounced .*550 5\.1\.1 nobody of this name/);
    expect(await postfix.logged("Verified TLS connection established to 127.0.0.1")).toMatch(/TLSv1\.3/);
    await postfix.flush();
    await next.to.call(2);
    expect(await postfix.waiting()).toEqual([]);
    expect(next.to.calls.map(({ recipients }) => recipients)).toEqual([[KEPT], [LATER]]);
    for (const { bytes, mail } of next.to.calls) {
      expect(mail.envelope.from).toBe(sender.address);
      expect(given(bytes)).toBe(LETTER.toString("latin1"));
      expect(arrivalOf(Buffer.from(bytes ?? [])).trace[0]).toMatch(/\(Postroad\) with ESMTPS id /);
    }
    const [report] = await sender.arrivals(1);
    expect(report?.content.toString()).toContain("550 5.1.1 nobody of this name");
  });

  it("U4: a certificate it does not trust gets no mail", async () => {
    await using next = await startNextServer();
    await using other = await startNextServer();
    await using postfix = await strictTo(next, other.ca);
    await submit(postfix, postfix.mailbox().address, [KEPT]);
    expect(await postfix.waiting()).toMatchObject([{ address: KEPT, reason: expect.stringContaining("not verified") }]);
    expect(next.to.calls).toEqual([]);
  });

  it("U13: in pipelined groups, and 30 mails over kept connections arrive once each", async () => {
    await using next = await startNextServer();
    await using tap = await startTap(next.server.port);
    await using postfix = await postfixTo(`smtp:[127.0.0.1]:${tap.port}`, { smtp_tls_security_level: "none", smtp_connection_cache_on_demand: "yes" });
    const sender = postfix.mailbox();
    const letters = Array.from({ length: 30 }, (_, index) => bytesOf(`${index}`, `.${index}\r\n`.repeat(1 + ((index * 37) % 500))));
    await Promise.all(letters.map((bytes) => submit(postfix, sender.address, [KEPT, REFUSED], bytes)));
    await sender.arrivals(30);
    expect(await postfix.waiting()).toEqual([]);
    const arrived = next.to.calls.map(({ bytes }) => given(bytes));
    expect(arrived.toSorted()).toEqual(letters.map((bytes) => bytes.toString("latin1")).toSorted());
    expect(tap.said.filter((text) => /^MAIL FROM:.*\r\nRCPT TO:<kept.*\r\nRCPT TO:<refused.*\r\nDATA\r\n$/.test(text))).toHaveLength(30);
  });

  it("U20: a message that cannot be taken now stays in its queue, and is taken once", async () => {
    await using next = await startNextServer({ deferFirst: true });
    await using postfix = await postfixTo(`smtp:[127.0.0.1]:${next.server.port}`);
    await submit(postfix, postfix.mailbox().address, [KEPT, "also@next.test"]);
    const reason: unknown = expect.stringMatching(/ 451 4\.3\.5 not at the moment .*end of DATA/);
    expect(await postfix.waiting()).toMatchObject([{ address: "also@next.test", reason }, { address: KEPT, reason }]);
    await postfix.flush();
    await next.to.call(2);
    expect(await postfix.waiting()).toEqual([]);
    expect(next.to.calls.map(({ outcomes }) => outcomes?.map(({ kind }) => kind))).toEqual([undefined, ["accepted", "accepted"]]);
  });

  it.for(["port", "socket"] as const)("U20: over LMTP each recipient has an answer of their own after the message (%s)", async (place) => {
    await using folder = await temporaryFolder("lmtp");
    const path = join(folder.path, "lmtp");
    const [full, gone] = ["full@next.test", "gone@next.test"];
    const crowded = fake({ [full]: { kind: "deferred", status: "4.2.2", message: "the mailbox is full" }, [gone]: { kind: "rejected", status: "5.1.1", message: "moved away" } });
    const roomy = fake();
    const to = transport("boxes", (mail) => (crowded.calls.length === 0 ? crowded : roomy).send(mail));
    await using server = createServer({ mode: "lmtp", to });
    await server.listen(place === "port" ? { port: 0, host: "127.0.0.1" } : { path });
    if (place === "socket") await chmod(path, 0o777);
    await using postfix = await postfixTo(place === "port" ? `lmtp:inet:127.0.0.1:${server.port}` : `lmtp:unix:${path}`);
    const sender = postfix.mailbox();
    await submit(postfix, sender.address, [KEPT, full, gone]);
    expect(await postfix.waiting()).toMatchObject([{ address: full, reason: expect.stringContaining("the mailbox is full") }]);
    expect(await postfix.logged("to=<kept@next.test>")).toMatch(/dsn=2\.0\.0, status=sent \(250 2\.0\.0 /);
    expect(await postfix.logged("to=<full@next.test>")).toMatch(/dsn=4\.2\.2, status=deferred \(.* said: 4\d\d 4\.2\.2 /);
    expect(await postfix.logged("to=<gone@next.test>")).toMatch(/dsn=5\.1\.1, status=bounced \(.* said: 5\d\d 5\.1\.1 /);
    await postfix.flush();
    await roomy.call(1);
    expect(await postfix.waiting()).toEqual([]);
    expect([...crowded.calls, ...roomy.calls].map(({ recipients }) => recipients)).toEqual([[full, gone, KEPT], [full]]);
    for (const { bytes } of [...crowded.calls, ...roomy.calls]) expect(given(bytes)).toBe(LETTER.toString("latin1"));
    expect((await sender.arrivals(1))[0]?.content.toString()).toContain("moved away");
  });
});
