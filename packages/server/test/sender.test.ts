import { describe, expect, it } from "vitest";
import type { SubmissionOptions } from "../src/index.ts";
import { ENVELOPE, loggedIn, mx, submission, textOf } from "./support.ts";

const ME = "ann@example.org";

/** The reply to a whole mail. */
async function submit(message: string, options: Partial<SubmissionOptions> = {}, from = ME): Promise<{ reply: string | undefined; text: string }> {
  await using running = await submission(options);
  await using client = await loggedIn(running);
  const begun = await client.say(`MAIL FROM:<${from}>`);
  if (begun?.startsWith("250") !== true) return { reply: begun, text: "" };
  const reply = await client.say("RCPT TO:<bob@elsewhere.example>", "DATA", `${message}\r\n.`);
  return { reply, text: textOf(running.to.calls[0]?.bytes) };
}

describe("submission: who may send as whom", () => {
  it.each([
    ["MAIL FROM of another", "From: ann@example.org\r\n\r\nx", "bob@example.org"],
    ["From of another", "From: bob@example.org\r\n\r\nx", ME],
    ["From of another behind one's own name", 'From: "ann@example.org" <bob@example.org>\r\n\r\nx', ME],
    ["another in a list of authors", "From: ann@example.org, bob@example.org\r\nSender: ann@example.org\r\n\r\nx", ME],
    ["Sender of another", "From: ann@example.org\r\nSender: bob@example.org\r\n\r\nx", ME],
    ["two fields From", "From: ann@example.org\r\nFROM: bob@example.org\r\n\r\nx", ME],
    ["two fields From, one in a fold", "From: ann@example.org\r\nfrom :\r\n bob@example.org\r\n\r\nx", ME],
    ["From of a group that has no members", 'From: "Bob <bob@example.org>":;\r\n\r\nx', ME],
    ["two fields Sender", "From: ann@example.org\r\nSender: ann@example.org\r\nSender: ann@example.org\r\n\r\nx", ME],
  ])("U8 #45: %s is a 550 5.7.1", async (_, message, from) => {
    expect((await submit(message, {}, from)).reply).toMatch(/^550 5\.7\.1 /);
  });

  it.each([
    ["no From", "Subject: x\r\n\r\nx"],
    ["a From that is no address", "From: ann\r\n\r\nx"],
    ["a From that has two readings", "From: ann@example.org <bob@example.org>\r\n\r\nx"],
    ["a line that is no header", "From: ann@example.org\r\nwhat is this\r\nFrom: bob@example.org\r\n\r\nx"],
    ["a From behind a line of white space", "Subject: x\r\n \r\nFrom: ann@example.org\r\n\r\nx"],
  ])("U8: %s is a 550 5.6.0", async (_, message) => {
    expect((await submit(message)).reply).toMatch(/^550 5\.6\.0 /);
  });

  it.each([
    ["one's own address in any case", {}, "From: Ann <ANN@Example.ORG>\r\n\r\nx", "Ann@EXAMPLE.org"],
    ["reports, from nobody", {}, "From: ann@example.org\r\n\r\nx", ""],
    ["an address given with the login", { authenticate: async () => ({ user: "7", senders: ["shop@example.org"] }) }, "From: shop@example.org\r\n\r\nx", "shop@example.org"],
    ["a domain given with the login", { authenticate: async () => ({ user: "7", senders: ["@example.org"] }) }, "From: a@example.org\r\n\r\nx", "b@example.org"],
    ["any address", { authenticate: async () => ({ user: "7", senders: ["*"] }) }, "From: a@x.example\r\n\r\nx", "b@y.example"],
    ["what a hook says", { sender: (address: string) => address === "c@x.example" }, "From: c@x.example\r\n\r\nx", "c@x.example"],
    ["everybody as anybody", { sender: false as const }, "From: c@x.example\r\n\r\nx", "d@x.example"],
  ])("U8: %s", async (_, options, message, from) => {
    expect((await submit(message, options, from)).reply).toMatch(/^250 /);
  });

  it("U14: a line that no server has to take is refused while whoever wrote it is there; an MX takes it for a mailbox", async () => {
    const text = (length: number): string => `From: ann@example.org\r\n\r\n${"x".repeat(length)}`;
    expect((await submit(text(998))).reply).toMatch(/^250 /);
    expect((await submit(text(999))).reply).toBe("550 5.6.0 a line of the message has more than 998 octets");
    await using running = await mx();
    await using client = await running.dial();
    expect(await client.say(...ENVELOPE, "DATA", `${text(60_000)}\r\n.`)).toMatch(/^250 /);
  });

  it("U8: a domain given with the login is no other domain", async () => {
    const authenticate = async (): Promise<{ user: string; senders: string[] }> => ({ user: "7", senders: ["@example.org"] });
    for (const from of ["a@sub.example.org", "a@xexample.org", '"a@example.org"@evil.example']) {
      expect((await submit("From: a@example.org\r\n\r\nx", { authenticate }, from)).reply).toMatch(/^550 5\.7\.1 /);
    }
  });

  it.each(["*", "@example.org"])("U8: a login whose name is %s sends as nobody else", async (user) => {
    await using running = await submission();
    await using client = await loggedIn(running, user);
    expect(await client.say("MAIL FROM:<bob@example.org>")).toBe(`550 5.7.1 ${user} may not send as bob@example.org`);
  });

  it("U31: AUTH= is read and believed from nobody", async () => {
    await using running = await submission();
    await using client = await loggedIn(running);
    expect(await client.say("MAIL FROM:<bob@example.org> AUTH=<>")).toMatch(/^550 5\.7\.1 /);
    expect(await client.say("MAIL FROM:<ann@example.org> AUTH=e+3Dmc2@example.com")).toMatch(/^250 /);
    expect(await client.say("RSET", "MAIL FROM:<ann@example.org> AUTH=+3d")).toMatch(/^501 5\.5\.4 /);
    expect(await client.say("MAIL FROM:<ann@example.org> AUTH=<> AUTH=<>")).toMatch(/^501 5\.5\.4 /);
  });
});

describe("submission: what is added and taken away", () => {
  const clock = (): number => Date.UTC(2026, 0, 2, 3, 4, 5);

  it("U24: Date and Message-ID where they are missing", async () => {
    const { text } = await submit("From: ann@example.org\r\n\r\nx", { clock });
    expect(text).toMatch(/;\r\n\tFri, 02 Jan 2026 03:04:05 \+0000\r\nDate: Fri, 02 Jan 2026 03:04:05 \+0000\r\nMessage-ID: <\w+@mail\.example\.org>\r\nFrom: ann@example\.org\r\n\r\nx\r\n$/);
  });

  it("U24: nothing where they are there, or where a signature says that they are not", async () => {
    const whole = "date: Thu, 1 Jan 2026 00:00:00 +0000\r\nMESSAGE-ID: <a@b>\r\nFrom: ann@example.org\r\n\r\nx";
    expect((await submit(whole)).text.endsWith(`+0000\r\n${whole}\r\n`)).toBe(true);
    const signed = "DKIM-Signature: v=1; d=example.org; h=from:Date:\r\n message-id; b=x\r\nFrom: ann@example.org\r\n\r\nx";
    expect((await submit(signed)).text.endsWith(`+0000\r\n${signed}\r\n`)).toBe(true);
  });

  it("U25: Bcc and Resent-Bcc go, folded or not, and the envelope keeps them", async () => {
    await using running = await submission();
    await using client = await loggedIn(running);
    const message = "Bcc: bob@x.example,\r\n\tcid@x.example\r\nFrom: ann@example.org\r\nbcc : x@x.example\r\nResent-BCC: y@x.example\r\nSubject: hi\r\nBcc:\r\n\r\nBcc: body";
    await client.say("MAIL FROM:<ann@example.org>", "RCPT TO:<bob@x.example>", "RCPT TO:<cid@x.example>", "DATA", `${message}\r\n.`);
    const [call] = running.to.calls;
    expect(call?.recipients).toEqual(["bob@x.example", "cid@x.example"]);
    expect(textOf(call?.bytes)).toMatch(/\r\nFrom: ann@example\.org\r\nSubject: hi\r\n\r\nBcc: body\r\n$/);
    expect(textOf(call?.bytes)).not.toMatch(/cid@|bob@/);
  });
});
