import { describe, expect, it } from "vitest";
import { ENVELOPE, mx, textOf } from "./support.ts";

const HEAD = "From: a@x.example\r\n\r\n";

describe("BDAT", () => {
  it("U16: takes a message in pieces, of any bytes but those of no text, and pipelined", async () => {
    await using running = await mx();
    await using client = await running.dial();
    await client.say(...ENVELOPE);
    const last = "..\r\n.\r\nQUIT\r\n";
    client.send(`BDAT ${HEAD.length}\r\n${HEAD}BDAT 0\r\nBDAT ${last.length} LAST\r\n${last}NOOP\r\n`);
    expect(await client.reply()).toBe(`250 2.0.0 ${HEAD.length} octets received`);
    expect(await client.reply()).toBe("250 2.0.0 0 octets received");
    expect(await client.reply()).toMatch(/^250 2\.0\.0 queued/);
    expect(await client.reply()).toBe("250 2.0.0 ok");
    expect(textOf(running.to.calls[0]?.bytes)).toMatch(/\r\nFrom: a@x\.example\r\n\r\n\.\.\r\n\.\r\nQUIT\r\n$/);
  });

  it("U16: the last line is ended where the client did not", async () => {
    await using running = await mx();
    await using client = await running.dial();
    await client.say(...ENVELOPE);
    client.send(`BDAT ${HEAD.length + 2} LAST\r\n${HEAD}hi`);
    expect(await client.reply()).toMatch(/^250 /);
    expect(textOf(running.to.calls[0]?.bytes).endsWith("\r\n\r\nhi\r\n")).toBe(true);
  });

  it.each(["-1", "1e99", "abc", "", "5 FIRST", "0x10", "9999999999999999"])("U16 #39: BDAT %s is a 501, and none of what follows is a command", async (size) => {
    await using running = await mx();
    await using client = await running.dial();
    await client.say(...ENVELOPE);
    client.send(`BDAT ${size}\r\nMAIL FROM:<evil@x.example>\r\n`);
    expect(await client.reply()).toMatch(/^501 5\.5\.4 /);
    expect(await client.rest()).toBe("");
    expect(running.to.calls).toEqual([]);
  });

  it("U16 #39: a chunk that nobody wants is read all the same", async () => {
    await using running = await mx();
    await using client = await running.dial();
    await client.say("EHLO client.example");
    client.send("BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n");
    expect(await client.reply()).toMatch(/^503 5\.5\.1 /);
    expect(await client.reply()).toBe("250 2.0.0 ok");
    await client.say(...ENVELOPE.slice(1, 2));
    client.send("BDAT 6\r\nQUIT\r\nNOOP\r\n");
    expect(await client.reply()).toMatch(/^503 5\.5\.1 no valid recipients/);
    expect(await client.reply()).toBe("250 2.0.0 ok");
  });

  it("U11 U16 #39: a message that is too large ends the mail, and what is left of it is a 503", async () => {
    await using running = await mx({ limits: { size: 1024 } });
    await using client = await running.dial();
    await client.say(...ENVELOPE);
    const piece = "x".repeat(78);
    client.send(`BDAT ${HEAD.length}\r\n${HEAD}`);
    expect(await client.reply()).toMatch(/^250 /);
    client.send(`BDAT 1600\r\n${`${piece}\r\n`.repeat(20)}BDAT 80 LAST\r\n${piece}\r\n`);
    expect(await client.reply()).toMatch(/^552 5\.3\.4 /);
    expect(await client.reply()).toMatch(/^503 5\.5\.1 /);
    expect(await client.say("RCPT TO:<ann@example.org>")).toMatch(/^503 /);
    expect(running.to.calls).toEqual([]);
  });

  it("U16 #39: DATA, RCPT and MAIL after BDAT are a 503, and RSET starts over", async () => {
    await using running = await mx();
    await using client = await running.dial();
    await client.say(...ENVELOPE);
    client.send(`BDAT ${HEAD.length}\r\n${HEAD}`);
    await client.reply();
    expect(await client.say("DATA")).toMatch(/^503 /);
    expect(await client.say("RCPT TO:<bob@example.org>")).toMatch(/^503 /);
    expect(await client.say("MAIL FROM:<>")).toMatch(/^503 /);
    expect(await client.say("RSET")).toMatch(/^250 /);
    expect(await client.say(...ENVELOPE.slice(1), "DATA", `${HEAD}new\r\n.`)).toMatch(/^250 /);
    expect(textOf(running.to.calls[0]?.bytes)).toContain("\r\n\r\nnew\r\n");
  });

  it("#39: a connection that ends in the middle of a chunk leaves nothing", async () => {
    await using running = await mx();
    await using client = await running.dial();
    await client.say(...ENVELOPE);
    client.send("BDAT 500 LAST\r\nabc");
    client.socket.end();
    expect(await client.rest()).toBe("421 4.4.2 the message ends early\r\n");
    expect(running.to.calls).toEqual([]);
  });

  it("U16 U21 #39: chunks that trickle are one message, and a 421, however many they are", async () => {
    await using running = await mx({ timeouts: { data: 200, rate: 10_000_000 } });
    await using client = await running.dial();
    await client.say(...ENVELOPE);
    const timer = setInterval(() => client.send("BDAT 1\r\nx"), 20);
    const heard = await client.rest();
    clearInterval(timer);
    expect(heard).toMatch(/^(?:250 2\.0\.0 1 octets received\r\n)+421 4\.4\.2 /);
    expect(running.to.calls).toEqual([]);
  });

  it("U21: a message that is wrong and comes fast enough is refused for what is wrong, however long it takes", async () => {
    await using running = await mx({ timeouts: { data: 500, rate: 1000 } });
    await using client = await running.dial();
    await client.say(...ENVELOPE, "DATA");
    client.send(`${HEAD}\0\r\n`);
    for (let i = 0; i < 10; i += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      client.send(`${"x".repeat(998)}\r\n`);
    }
    expect(await client.say(".")).toBe("550 5.6.0 the message holds a NUL");
  });

  it("U21: what a chunk was refused for takes nothing from the commands after it", async () => {
    await using running = await mx({ timeouts: { data: 50 } });
    await using client = await running.dial();
    await client.say(...ENVELOPE.slice(0, 2));
    client.send("BDAT 1\r\nx");
    expect(await client.reply()).toMatch(/^503 5\.5\.1 no valid recipients/);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await client.say("RCPT TO:<ann@example.org>")).toMatch(/^250 /);
  });

  it("U16 #39: 20 000 chunks of one octet are one message", async () => {
    await using running = await mx();
    await using client = await running.dial();
    await client.say(...ENVELOPE);
    client.send(`BDAT ${HEAD.length}\r\n${HEAD}`);
    await client.reply();
    const body = "0123456789\r\n".repeat(2000);
    client.send(Array.from(body, (octet) => `BDAT 1\r\n${octet}`).join(""));
    for (const _ of body) expect(await client.reply()).toBe("250 2.0.0 1 octets received");
    expect(await client.say("BDAT 0 LAST")).toMatch(/^250 2\.0\.0 queued/);
    expect(textOf(running.to.calls[0]?.bytes).endsWith(`\r\n\r\n${body}`)).toBe(true);
  });
});
