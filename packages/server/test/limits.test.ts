import { mkdtemp, readdir, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Refusal, readAll } from "@postroad/core";
import { fake } from "@postroad/testing/fake";
import { describe, expect, it } from "vitest";
import { TextScanner } from "../src/text-scanner.ts";
import { dial } from "./client.ts";
import { ENVELOPE, MESSAGE, mx, textOf } from "./support.ts";

const [EHLO, MAIL] = ENVELOPE;

/** What this process has open there, as the kernel names it: a file that has lost its name is "(deleted)". */
async function openFilesIn(directory: string): Promise<string[]> {
  if (process.platform !== "linux") return [];
  const descriptors = await readdir("/proc/self/fd");
  const links = await Promise.all(descriptors.map((each) => readlink(`/proc/self/fd/${each}`).catch(() => "")));
  return links.filter((link) => link.startsWith(directory));
}

describe("limits", () => {
  it("U14: a command that is too long is a 500, and the next one is understood", async () => {
    await using running = await mx();
    await using client = await running.dial();
    for (const length of [2049, 5000, 12_289, 100_000]) expect(await client.say(`NOOP ${"x".repeat(length)}`)).toBe("500 5.5.2 the line is too long");
    expect(await client.say(`NOOP ${"x".repeat(2000)}`)).toBe("250 2.0.0 ok");
  });

  it.each([
    ["a bare LF", "NOOP\nNOOP\r\n", 2],
    ["a bare CR", "NOOP\rNOOP\r\n", 1],
    ["a NUL", "NOOP \0\r\n", 1],
    ["an escape", "NOOP \u001b[2J\r\n", 1],
    ["a C1 control", "NOOP \u009b2J\r\n", 1],
    ["what is no UTF-8", Buffer.from("NOOP \xff\r\n", "latin1"), 1],
  ])("U12 U14: a command with %s is a 500", async (_, bytes, replies) => {
    await using running = await mx();
    await using client = await running.dial();
    client.send(bytes);
    const first = await client.reply();
    expect(first).toMatch(/^500 5\.5\.2 /);
    for (let i = 1; i < replies; i += 1) await client.reply();
    expect(await client.say("NOOP")).toBe("250 2.0.0 ok");
  });

  it("U14 #43: a line without end costs no memory, as a command and in a message", async () => {
    await using running = await mx({ limits: { size: 1_000_000, line: 998 } });
    await using client = await running.dial();
    await client.say(EHLO);
    const block = Buffer.alloc(1024 * 1024, "x");
    const before = process.memoryUsage().rss;
    async function flood(): Promise<void> {
      for (let i = 0; i < 400; i += 1) if (!client.socket.write(block)) await new Promise((resolve) => client.socket.once("drain", resolve));
      client.send("\r\n");
    }
    await flood();
    expect(await client.reply()).toMatch(/^500 5\.5\.2 /);
    await client.say(...ENVELOPE.slice(1), "DATA");
    await flood();
    client.send(".\r\n");
    expect(await client.reply()).toMatch(/^550 5\.6\.0 a line of the message has more than 998 octets/);
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * 1024 * 1024);
  });

  it("U14: a line of 998 octets is taken, one of 999 is not, wherever it is cut", async () => {
    await using running = await mx({ limits: { line: 998 } });
    await using client = await running.dial();
    for (const [length, code] of [[998, 250], [999, 550]] as const) {
      for (const cut of [1, 500, 998, 999, 1000]) {
        await client.say(...ENVELOPE, "DATA");
        const text = `${"x".repeat(length)}\r\n`;
        client.send(`A: b\r\n\r\n${text.slice(0, cut)}`);
        await new Promise(setImmediate);
        expect(await client.say(`${text.slice(cut)}.`)).toMatch(new RegExp(`^${code} `));
      }
    }
  });

  it("U14: the dot that was put before a dot does not count, in chunks each does", () => {
    for (const dots of [true, false]) {
      for (const [length, fault] of [[998, undefined], [999, "long line"]] as const) {
        const line = `.${"x".repeat(length - 1)}\r\n`;
        const wire = Buffer.from(`a\r\n${dots ? "." : ""}${line}b\r\n`);
        for (let cut = 0; cut <= wire.length; cut += 1) {
          const scanner = new TextScanner(dots, 998);
          for (const chunk of [wire.subarray(0, cut), wire.subarray(cut)]) scanner.scan(chunk, () => undefined);
          expect(scanner.fault).toBe(fault);
        }
      }
    }
  });

  it("U14: a line of 998 octets that begins with a dot is taken, by DATA and by BDAT", async () => {
    await using running = await mx({ limits: { line: 998 } });
    await using client = await running.dial();
    const text = `A: b\r\n\r\n.${"x".repeat(997)}\r\n`;
    expect(await client.say(...ENVELOPE, "DATA", `${text.replace("\r\n.", "\r\n..")}.`)).toMatch(/^250 /);
    await client.say(...ENVELOPE.slice(1));
    client.send(`BDAT ${text.length} LAST\r\n${text}`);
    expect(await client.reply()).toMatch(/^250 /);
    for (const { bytes } of running.to.calls) expect(textOf(bytes)).toMatch(/\r\n\.x{997}\r\n$/);
    expect(running.to.calls).toHaveLength(2);
  });

  it("U15: too large by declaration is refused at MAIL, by its size after the dot, and then it goes on", async () => {
    await using running = await mx({ limits: { size: 2000 } });
    await using client = await running.dial();
    expect(await client.say(EHLO, `${MAIL} SIZE=2001`)).toBe("552 5.3.4 a message has at most 2000 octets");
    expect(await client.say(`${MAIL} SIZE=2000`, "RCPT TO:<ann@example.org>", "DATA", `A: b\r\n\r\n${"x\r\n".repeat(1000)}.`)).toBe("552 5.3.4 a message has at most 2000 octets");
    expect(await client.say(MAIL, "RCPT TO:<ann@example.org>", "DATA", `A: b\r\n\r\n${"x\r\n".repeat(660)}.`)).toMatch(/^250 /);
    expect(running.to.calls).toHaveLength(1);
  });

  it("U15: a header that is too large is refused", async () => {
    await using running = await mx({ limits: { header: 1024 } });
    await using client = await running.dial();
    expect(await client.say(...ENVELOPE, "DATA", `${"A: b\r\n".repeat(300)}\r\nx\r\n.`)).toBe("552 5.3.4 a header has at most 1024 octets");
    expect(await client.say(...ENVELOPE.slice(1), "DATA", `${"A: b\r\n".repeat(160)}\r\n${"x\r\n".repeat(1000)}.`)).toMatch(/^250 /);
  });

  it("U18: 100 recipients and more are taken, those past the cap deferred one by one", async () => {
    await using running = await mx({ limits: { recipients: 120 } });
    await using client = await running.dial();
    await client.say(EHLO, MAIL);
    const replies = await client.pipeline(...Array.from({ length: 200 }, (_, i) => `RCPT TO:<u${i}@example.org>`));
    expect(replies.filter((reply) => reply?.startsWith("250 2.1.5"))).toHaveLength(120);
    expect(replies.slice(120).every((reply) => reply?.startsWith("452 4.5.3 ") === true)).toBe(true);
    expect(await client.say("DATA", `${MESSAGE}\r\n.`)).toMatch(/^250 /);
    expect(running.to.calls[0]?.recipients).toHaveLength(120);
  });

  it("U21: a command that does not come in time is a 421, however it trickles", async () => {
    await using running = await mx({ timeouts: { command: 150 } });
    await using silent = await running.dial();
    await using trickling = await running.dial();
    const timer = setInterval(() => trickling.send("x"), 20);
    expect(await silent.rest()).toBe("421 4.4.2 too long without a command\r\n");
    expect(await trickling.rest()).toBe("421 4.4.2 too long without a command\r\n");
    clearInterval(timer);
  });

  it("U21 #42: a message that trickles is a 421, one that is fast enough is not", async () => {
    await using running = await mx({ timeouts: { data: 150, rate: 10_000_000 } });
    await using slow = await running.dial();
    await slow.say(...ENVELOPE, "DATA");
    const timer = setInterval(() => slow.send("x\r\n"), 20);
    expect(await slow.rest()).toBe("421 4.4.2 the message comes too slowly\r\n");
    clearInterval(timer);
    await using fast = await running.dial();
    expect(await fast.say(...ENVELOPE, "DATA", `${MESSAGE}\r\n.`)).toMatch(/^250 /);
    expect(running.to.calls).toHaveLength(1);
  });

  it("U22: too many connections from one address, and in all, are a 421; others are served", async () => {
    await using running = await mx({ limits: { connections: 4, connectionsPerClient: 2 } });
    await using first = await running.dial();
    await using second = await running.dial();
    await using third = await dial(running.port);
    expect(await third.rest()).toBe("421 4.7.0 too many connections, try again later\r\n");
    expect(await running.event("refused")).toMatchObject({ session: { client: "127.0.0.1" }, command: "", reply: "421 4.7.0 too many connections, try again later" });
    await using other = await running.dial({ localAddress: "127.0.0.2" });
    expect(await other.say("NOOP")).toBe("250 2.0.0 ok");
    await using more = await running.dial({ localAddress: "127.0.0.3" });
    await using toomany = await dial(running.port, { localAddress: "127.0.0.4" });
    expect(await toomany.rest()).toBe("421 4.7.0 too many connections, try again later\r\n");
    expect(running.events.at(-1)).toMatchObject({ kind: "refused", session: { client: "127.0.0.4", mode: "mx" } });
    for (const client of [first, second, more]) await client.say("QUIT");
    await running.event("closed");
    await using again = await running.dial();
    expect(await again.say("NOOP")).toBe("250 2.0.0 ok");
  });

  it("U22 #41: commands that get nothing further, and errors, end the connection", async () => {
    await using running = await mx({ limits: { junk: 10, errors: 5 } });
    await using idle = await running.dial();
    for (let i = 0; i < 10; i += 1) expect(await idle.say(i % 2 === 0 ? "NOOP" : "RSET")).toMatch(/^250 /);
    expect(await idle.say("NOOP")).toBe("421 4.7.0 too many commands without a mail");
    await using wrong = await running.dial();
    for (let i = 0; i < 4; i += 1) expect(await wrong.say("FROB")).toMatch(/^500 /);
    expect(await wrong.say("FROB")).toBe("421 4.7.0 too many errors");
    expect(await wrong.rest()).toBe("");
  });

  it("U22: commands that are deferred end the connection when they are more than a mail may have recipients", async () => {
    const policies = [{ name: "later", recipient: () => { throw new Refusal("4.7.1", "later"); } }];
    await using running = await mx({ policies, limits: { deferrals: 30, errors: 5 } });
    await using client = await running.dial();
    await client.say(EHLO, MAIL);
    for (let i = 0; i < 30; i += 1) expect(await client.say(`RCPT TO:<u${i}@example.org>`)).toBe("450 4.7.1 later");
    expect(await client.say("RCPT TO:<last@example.org>")).toBe("421 4.7.0 too many commands that are deferred");
    expect(await client.rest()).toBe("");
  });

  it("U22: a mail that is taken starts the counts over", async () => {
    await using running = await mx({ limits: { junk: 4, errors: 3 } });
    await using client = await running.dial();
    for (let i = 0; i < 5; i += 1) {
      expect(await client.say("FROB", "FROB", ...ENVELOPE, "NOOP", "DATA", `${MESSAGE}\r\n.`)).toMatch(/^250 /);
    }
  });

  it("#41: commands that came while replies were not read are answered once they are", async () => {
    await using running = await mx({ limits: { junk: 1_000_000 } });
    await using client = await running.dial();
    client.socket.pause();
    const count = 400_000;
    client.send("NOOP\r\n".repeat(count / 2));
    await new Promise((resolve) => setTimeout(resolve, 200));
    client.send("NOOP\r\n".repeat(count / 2));
    await new Promise((resolve) => setTimeout(resolve, 50));
    client.socket.end().resume();
    expect(await client.rest()).toBe("250 2.0.0 ok\r\n".repeat(count));
  });

  it("#41: a million commands that nobody reads the replies of stop somewhere", async () => {
    await using running = await mx({ limits: { junk: 1_000_000 } });
    const client = await running.dial();
    await using other = await running.dial();
    client.socket.pause();
    const flood = Buffer.from("NOOP\r\n".repeat(10_000));
    let stuck = false;
    for (let written = 0; written < 300 && !stuck; written += 1) {
      client.socket.write(flood);
      // As often as another client is answered, the server had a turn in which it could have read.
      for (let answers = 0; answers < 500 && client.socket.writableLength > 0; answers += 1) await other.say("NOOP");
      stuck = client.socket.writableLength > 0;
    }
    expect(stuck).toBe(true);
    client.socket.destroy();
    expect((await running.event("closed")).reason).toMatch(/closed/);
  });

  it("U23: a body that is large waits in a file without a name, and is read as often as anybody likes", async () => {
    const directory = await mkdtemp(join(tmpdir(), "postroad-test-"));
    const bodies: string[] = [];
    const names: string[][] = [];
    const to = fake({}, {
      read: false,
      async before({ mail }) {
        for (let i = 0; i < 3; i += 1) bodies.push(textOf(await readAll(mail.content)));
        names.push(await readdir(directory));
        names.push(await openFilesIn(directory));
      },
    });
    await using running = await mx({ spool: { memory: 1000, directory } }, to);
    await using client = await running.dial();
    const body = "0123456789\r\n".repeat(30_000);
    await client.say(...ENVELOPE, "DATA");
    expect(await client.say(`A: b\r\n\r\n${body}.`)).toMatch(/^250 /);
    expect(bodies.map((text) => text.endsWith(`\r\nA: b\r\n\r\n${body}`))).toEqual([true, true, true]);
    // Its name is gone, and it is still open.
    expect(names.map((list) => list.map((name) => name.endsWith(" (deleted)")))).toEqual([[], process.platform === "linux" ? [true] : []]);
    await rm(directory, { recursive: true });
  });

  it("U23: many bodies at once share a bound of memory", async () => {
    const to = fake();
    to.hold();
    await using running = await mx({ spool: { memory: 100_000, total: 150_000 } }, to);
    const clients = await Promise.all(Array.from({ length: 5 }, () => running.dial()));
    for (const client of clients) {
      await client.say(...ENVELOPE, "DATA");
      client.send(`A: b\r\n\r\n${"0123456789\r\n".repeat(8000)}.\r\n`);
    }
    await to.call(5);
    expect(to.calls.filter(({ mail }) => Symbol.iterator in mail.content.open())).toHaveLength(1);
    to.release();
    expect(await Promise.all(clients.map((client) => client.reply()))).toEqual(clients.map(() => expect.stringMatching(/^250 /)));
    for (const client of clients) client.socket.destroy();
  });

  it("#48: a full disk is a 452, nothing is handed on, and it works again when there is space", async () => {
    const directory = await mkdtemp(join(tmpdir(), "postroad-test-"));
    await using running = await mx({ spool: { memory: 100, directory: `${directory}/gone` } });
    await using client = await running.dial();
    const large = `A: b\r\n\r\n${"x\r\n".repeat(1000)}.`;
    expect(await client.say(...ENVELOPE, "DATA", large)).toBe("452 4.3.1 no space for the message, try again later");
    expect(await client.say(`${MAIL} SIZE=100`, "RCPT TO:<ann@example.org>", "DATA", `${MESSAGE}\r\n.`)).toMatch(/^250 /);
    expect(running.to.calls).toHaveLength(1);
    expect(await running.event("error")).toMatchObject({ doing: "spool", error: { code: "ENOENT" } });
    await rm(directory, { recursive: true });
  });
});
