import { Refusal } from "@postroad/core";
import { fake } from "@postroad/testing/fake";
import { describe, expect, it } from "vitest";
import { ENVELOPE, MESSAGE, loggedIn, mx, secured, submission } from "./support.ts";

const [EHLO, MAIL, RCPT] = ENVELOPE;

describe("order of commands", () => {
  it.each([
    ["MAIL first", [MAIL], "503 5.5.1"],
    ["RCPT without MAIL", [EHLO, RCPT], "503 5.5.1"],
    ["DATA without MAIL", [EHLO, "DATA"], "503 5.5.1"],
    ["DATA without RCPT", [EHLO, MAIL, "DATA"], "554 5.5.1"],
    ["DATA after refused recipients only", [EHLO, MAIL, "RCPT TO:<x@elsewhere.example>", "DATA"], "554 5.5.1"],
    ["MAIL in a mail", [EHLO, MAIL, MAIL], "503 5.5.1"],
    ["LHLO on SMTP", ["LHLO client.example"], "500 5.5.1"],
    ["AUTH on an MX", [EHLO, "AUTH PLAIN AGEAYQ=="], "502 5.5.1"],
    ["DATA with an argument", [EHLO, MAIL, RCPT, "DATA now"], "501 5.5.4"],
    ["RSET with an argument", [EHLO, "RSET all"], "501 5.5.4"],
    ["nothing", [""], "500 5.5.1"],
    ["what is no command", ["FROB x"], "500 5.5.1"],
  ])("U10: %s", async (_, commands, reply) => {
    await using running = await mx();
    await using client = await running.dial();
    expect(await client.say(...commands)).toMatch(new RegExp(`^${reply} `));
  });

  it.each([
    ["RSET", ["RSET"]],
    ["EHLO", [EHLO]],
    ["HELO", ["HELO client.example"]],
    ["a message", ["DATA", `${MESSAGE}\r\n.`]],
    ["a message that is refused", ["DATA", "a\nb\r\n."]],
  ])("U11 #40: after %s the mail is over: RCPT and DATA are a 503, MAIL begins another", async (_, commands) => {
    await using running = await mx();
    await using client = await running.dial();
    await client.say(...ENVELOPE, ...commands);
    expect(await client.say(RCPT)).toMatch(/^503 5\.5\.1 /);
    expect(await client.say("DATA")).toMatch(/^503 5\.5\.1 /);
    expect(await client.say(MAIL, RCPT, "DATA", `${MESSAGE}\r\n.`)).toMatch(/^250 /);
  });

  it("U11 #40: after a policy has refused the message the mail is over", async () => {
    await using running = await mx({ policies: [{ name: "no", message: () => { throw new Refusal("5.7.1", "no"); } }] });
    await using client = await running.dial();
    expect(await client.say(...ENVELOPE, "DATA", `${MESSAGE}\r\n.`)).toBe("550 5.7.1 no");
    expect(await client.say(RCPT)).toMatch(/^503 /);
  });

  it("U11: a MAIL that is refused begins nothing", async () => {
    await using running = await mx({ policies: [{ name: "no", sender: () => { throw new Refusal("4.7.1", "not now"); } }] });
    await using client = await running.dial();
    expect(await client.say(EHLO, MAIL)).toBe("450 4.7.1 not now");
    expect(await client.say(RCPT)).toMatch(/^503 /);
  });

  it("U17 #41: VRFY, NOOP, HELP and unknown commands leave the mail as it is", async () => {
    await using running = await mx();
    await using client = await running.dial();
    await client.say(EHLO, "MAIL FROM:<jörg@x.example> SMTPUTF8 BODY=8BITMIME", RCPT);
    expect(await client.say("VRFY jörg")).toBe("252 2.0.0 send a mail and see");
    expect(await client.say("NOOP x", "HELP", "FROB", "RCPT TO:<jürgen@example.org>")).toMatch(/^250 /);
    expect(await client.say("DATA", `${MESSAGE}\r\n.`)).toMatch(/^250 /);
    expect(running.to.calls[0]?.mail.envelope).toEqual({
      from: "jörg@x.example", to: [{ address: "ann@example.org" }, { address: "jürgen@example.org" }], smtputf8: true,
    });
  });

  it("U27: VRFY tells nothing, EXPN is not there", async () => {
    await using running = await mx();
    await using client = await running.dial();
    expect(await client.say(EHLO, "VRFY ann@example.org")).toMatch(/^252 2\.0\.0 /);
    expect(await client.say("VRFY")).toMatch(/^501 5\.5\.4 /);
    expect(await client.say("VRFY jörg")).toMatch(/^550 5\.6\.7 /);
    expect(await client.say("EXPN staff")).toMatch(/^502 5\.5\.1 /);
  });

  it("U17: an address in UTF-8 needs SMTPUTF8", async () => {
    await using running = await mx();
    await using client = await running.dial();
    expect(await client.say(EHLO, "MAIL FROM:<jörg@x.example>")).toMatch(/^550 5\.6\.7 /);
    expect(await client.say("MAIL FROM:<a@x.example> BODY=8BITMIME", "RCPT TO:<jörg@example.org>")).toMatch(/^550 5\.6\.7 /);
    expect(await client.say("RSET", "MAIL FROM:<a@x.example> BODY=BINARYMIME")).toMatch(/^501 5\.5\.4 /);
    expect(await client.say("MAIL FROM:<a@x.example> BODY=7BIT")).toMatch(/^250 /);
  });

  it("U13: bytes behind EHLO or DATA, before they were answered, end the connection", async () => {
    await using running = await mx();
    for (const [before, text] of [[[], `${EHLO}\r\n${MAIL}\r\n`], [ENVELOPE, "DATA\r\nFrom: a@x.example\r\n"]] as const) {
      await using client = await running.dial();
      await client.say(...before);
      client.send(text);
      expect(await client.rest()).toMatch(/^554 5\.5\.0 wait for the reply to (EHLO|DATA) before you go on\r\n$/);
    }
    expect(running.to.calls).toEqual([]);
  });

  it("U13: MAIL, RCPT and DATA may come at once, and are answered in order", async () => {
    await using running = await mx();
    await using client = await running.dial();
    await client.say(EHLO);
    expect(await client.pipeline(MAIL, "RCPT TO:<x@elsewhere.example>", RCPT, "DATA")).toEqual([
      "250 2.1.0 sender ok",
      "550 5.7.1 no mail is taken for x@elsewhere.example",
      "250 2.1.5 recipient ok",
      "354 go ahead, and end with a lone dot",
    ]);
  });

  it("U13: who speaks before the greeting is not greeted", async () => {
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    await using running = await mx({ policies: [{ name: "slow", connect: () => gate }] });
    const { dial } = await import("./client.ts");
    await using client = await dial(running.port);
    client.send(`${EHLO}\r\n`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    open();
    expect(await client.rest()).toBe("554 5.5.0 wait for the greeting\r\n");
  });

  it("U1 U5 U6: MAIL before AUTH is a 530; AUTH twice, in a mail or behind HELO a 503", async () => {
    await using running = await submission();
    await using plain = await running.dial();
    expect(await plain.say("EHLO client.example", "MAIL FROM:<ann@example.org>")).toBe("530 5.7.0 log in first: STARTTLS, then AUTH");
    await using inside = await secured(running);
    expect(await inside.say("MAIL FROM:<ann@example.org>")).toBe("530 5.7.0 log in first, with AUTH");
    expect(await inside.say("HELO client.example", "AUTH PLAIN")).toMatch(/^503 5\.5\.1 /);
    await using client = await loggedIn(running);
    expect(await client.say("AUTH PLAIN AGEAYQ==")).toMatch(/^503 5\.5\.1 you are logged in already/);
  });

  it("what a policy throws before the greeting is a 421, and an event", async () => {
    const { dial } = await import("./client.ts");
    for (const [error, reply] of [[new TypeError("bug"), "421 4.3.0 local error"], [new Refusal("5.7.1", "go away"), "554 5.7.1 go away"], [new Refusal("4.7.0", "later"), "421 4.7.0 later"]] as const) {
      await using running = await mx({ policies: [{ name: "no", connect: () => { throw error; } }] });
      await using client = await dial(running.port);
      expect((await client.rest()).startsWith(reply)).toBe(true);
    }
  });

  it("a client that half-closes hears all its replies", async () => {
    await using running = await mx({}, fake());
    await using client = await running.dial();
    await client.say(EHLO);
    client.socket.end(`${MAIL}\r\n${RCPT}\r\nNOOP\r\n`);
    expect((await client.rest()).split("\r\n").map((line) => line.slice(0, 3))).toEqual(["250", "250", "250", ""]);
  });
});
