import { Refusal } from "@postroad/core";
import { describe, expect, it } from "vitest";
import type { Session } from "../src/index.ts";
import { dateTime } from "../src/received.ts";
import { wireForm } from "../src/reply.ts";
import { ENVELOPE, MESSAGE, loggedIn, lmtp, mx, submission, textOf, tls } from "./support.ts";

describe("replies", () => {
  it("U34: announces what there is, and the limits that hold", async () => {
    await using running = await mx({ tls, limits: { size: 12_345, recipients: 150, mails: 7 } });
    await using client = await running.dial();
    expect((await client.say("EHLO client.example"))?.split("\r\n")).toEqual([
      "250-mx.example.org", "250-PIPELINING", "250-SIZE 12345", "250-8BITMIME", "250-SMTPUTF8", "250-CHUNKING", "250-DSN", "250-ENHANCEDSTATUSCODES",
      "250-LIMITS MAILMAX=7 RCPTMAX=150", "250 STARTTLS",
    ]);
    expect(await client.say("HELO client.example")).toBe("250 mx.example.org");
    await using other = await submission();
    await using secure = await loggedIn(other);
    const inside = await secure.say("EHLO client.example");
    expect(inside).toContain("REQUIRETLS");
    expect(inside).not.toMatch(/STARTTLS|AUTH/);
  });

  it("U34: after MAILMAX mails the connection ends", async () => {
    await using running = await mx({ limits: { mails: 2 } });
    await using client = await running.dial();
    await client.say(...ENVELOPE, "RSET", ENVELOPE[1], "RSET");
    expect(await client.say(ENVELOPE[1])).toMatch(/^421 4\.7\.0 /);
    expect(await client.rest()).toBe("");
  });

  it("U28: every reply has a status of its class, but 220, EHLO, HELO, 354 and 334", async () => {
    await using running = await submission({ insecureCleartextAuth: true, timeouts: { loginDelay: 0 } });
    await using client = await running.dial();
    const commands = [
      "NOOP", "EHLO client.example", "HELP", "VRFY a", "EXPN a", "FROB", "MAIL FROM:<a@b>", "AUTH PLAIN AGEAYg==", "AUTH X", "AUTH LOGIN", "*", "STARTTLS x", "RSET", "RCPT TO:<a>",
      "DATA", "BDAT 0", "AUTH PLAIN AGFubgBzM2NyZXQ=", "MAIL FROM:bob", "MAIL FROM:<ann> SIZE=x", "MAIL FROM:<> SIZE=99999999999", "MAIL FROM:<> FROB=1", "MAIL FROM:<>", "RCPT TO:<x>",
      "RCPT TO:<a@b.example> NOTIFY=X", "RCPT TO:<a@b.example>", "DATA", "x\r\n.", "EHLO a b", "QUIT",
    ];
    for (const command of commands) {
      const reply = await client.say(command);
      expect(reply).toMatch(/^(250-mail\.example|354 |334 |([245])\d\d \2\.\d+\.\d+ \S)/);
    }
  });

  it.each(["", "a b", "a\tb", "\u001b[2J", "a\0b", "-a.example", "a..example", "[1.2.3.4", "a;b", "x".repeat(256), "<script>", "ä.example"])("U29: EHLO %j is refused", async (name) => {
    await using running = await mx();
    await using client = await running.dial();
    expect(await client.say(`EHLO ${name}`)).toMatch(/^50[01] 5\.5\.[24] /);
    expect(await client.say("MAIL FROM:<>")).toMatch(/^503 /);
  });

  it.each(["client.example", "[127.0.0.1]", "[IPv6:::1]", "127.0.0.1", "my_laptop", "localhost", "1.2.3.4.in-addr.arpa"])("U29: EHLO %s is understood", async (name) => {
    await using running = await mx();
    await using client = await running.dial();
    expect(await client.say(`EHLO ${name}`)).toMatch(/^250-/);
  });

  it("U30 #49: what a client chose cannot leave its place in Received, in a reply or in an event", async () => {
    const policies = [{ name: "echo", sender: (from: string) => { if (from.startsWith("echo")) throw new Refusal("5.7.1", "no\r\n250 yes \u001b[31m \0 ä"); } }];
    await using running = await mx({ policies });
    await using client = await running.dial();
    await client.say("EHLO client.example");
    expect(await client.say("MAIL FROM:<echo@x.example>")).toBe("550 5.7.1 no\\u{d}\\u{a}250 yes \\u{1b}[31m \\u{0} \\u{e4}");
    await client.say("X\u001b[31m", "MAIL FROM:<a@x.example>", 'RCPT TO:<"a)(;b"@example.org>', "DATA", `${MESSAGE}\r\n.`);
    const received = textOf(running.to.calls[0]?.bytes).split("\r\nFrom:")[0] ?? "";
    expect(received.split("\r\n")).toHaveLength(4);
    expect(received).toContain('for <"a)(;b"@example.org>;');
    const refused = running.events.flatMap((event) => (event.kind === "refused" ? [event.command + event.reply] : []));
    expect(refused).toHaveLength(2);
    expect(refused.join("")).toMatch(/^[ -~]+$/);
  });

  it("U30: a long text is cut, and stays a line", () => {
    const wire = wireForm({ code: 550, status: "5.7.1", text: "ä".repeat(3000) });
    expect(wire.length).toBeLessThan(5000);
    expect(wire.trimEnd()).not.toMatch(/[\r\n]/);
  });

  it("M12: for is left out where there are two recipients, whatever was there before stays in order", async () => {
    await using running = await mx();
    await using client = await running.dial();
    const old = "Received: b\r\nReceived: a\r\nReturn-Path: <x>\r\n";
    await client.say(...ENVELOPE, "RCPT TO:<bob@example.org>", "DATA", `${old}${MESSAGE}\r\n.`);
    const text = textOf(running.to.calls[0]?.bytes);
    expect(text).not.toContain("for <");
    expect(text).toMatch(/\+0000\r\nReceived: b\r\nReceived: a\r\nReturn-Path: <x>\r\nFrom: /);
  });

  it.each([
    ["SMTP", ["HELO c.example", "MAIL FROM:<>"]],
    ["ESMTP", ["EHLO c.example", "MAIL FROM:<>"]],
    ["UTF8SMTP", ["EHLO c.example", "MAIL FROM:<> SMTPUTF8"]],
  ])("M12: with %s", async (name, commands) => {
    await using running = await mx();
    await using client = await running.dial();
    await client.say(...commands, "RCPT TO:<ann@example.org>", "DATA", `${MESSAGE}\r\n.`);
    expect(textOf(running.to.calls[0]?.bytes)).toContain(` with ${name} id ${running.to.calls[0]?.id}\r\n`);
  });

  it("M12: with LMTP, and where nobody said hello nothing is made up", async () => {
    await using running = await lmtp();
    await using client = await running.dial();
    await client.say("LHLO c.example", "MAIL FROM:<>", "RCPT TO:<ann@example.org>", "DATA", `${MESSAGE}\r\n.`);
    expect(textOf(running.to.calls[0]?.bytes)).toContain(" with LMTP id ");
    expect(dateTime(new Date(0))).toBe("Thu, 01 Jan 1970 00:00:00 +0000");
  });

  it("M11 #50: a mail with 101 fields Received goes in circles, one with 100 does not", async () => {
    await using running = await mx();
    await using client = await running.dial();
    const mail = (count: number): string => `${"received: from a\r\n by b; now\r\n".repeat(count)}${MESSAGE}\r\nReceived: in the body\r\n.`;
    expect(await client.say(...ENVELOPE, "DATA", mail(101))).toBe("554 5.4.6 the mail goes in circles: it has passed 101 servers");
    expect(await client.say(...ENVELOPE.slice(1), "DATA", mail(100))).toMatch(/^250 /);
  });

  it("sessions are what hooks see", async () => {
    const seen: Session[] = [];
    await using running = await mx({ policies: [{ name: "look", recipient: (_, { session }) => void seen.push({ ...session }) }] });
    await using client = await running.dial();
    await client.say(...ENVELOPE);
    expect(seen).toEqual([{ id: expect.any(String), mode: "mx", client: "127.0.0.1", port: client.socket.localPort, hello: "client.example", tls: undefined, login: undefined }]);
  });
});
