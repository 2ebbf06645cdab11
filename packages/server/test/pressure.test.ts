import { Refusal } from "@postroad/core";
import { fake } from "@postroad/testing/fake";
import { describe, expect, it } from "vitest";
import { ENVELOPE, MESSAGE, mx } from "./support.ts";

const [, MAIL, RCPT] = ENVELOPE;
/** To two: of one alone it may be their mailbox that is full. */
const ALSO = "RCPT TO:<cho@example.org>";
const BOTH = [...ENVELOPE, ALSO] as const;
const NO_ROOM = "452 4.3.1 no room for a message now, try again later";

describe("pressure from behind", () => {
  it("U23: where there was no room for a message MAIL says so for a while, and lets try a smaller one", async () => {
    let now = 1000;
    let full = true;
    const to = fake({}, { before: () => { if (full) throw new Refusal("4.3.1", "the queue is full"); } });
    await using running = await mx({ clock: () => now, timeouts: { room: 5000 } }, to);
    await using client = await running.dial();
    const large = `A: b\r\n\r\n${"x\r\n".repeat(1000)}.`;
    expect(await client.say(...BOTH, "DATA", large)).toBe("452 4.3.1 the queue is full");
    await using other = await running.dial();
    await other.say(ENVELOPE[0]);
    expect(await other.say(MAIL)).toBe(NO_ROOM);
    expect(await other.say(`${MAIL} SIZE=5000`)).toBe(NO_ROOM);
    expect(to.calls).toHaveLength(1);
    full = false;
    expect(await other.say(`${MAIL} SIZE=200`, RCPT, "DATA", `${MESSAGE}\r\n.`)).toMatch(/^250 /);
    expect(await other.say(MAIL)).toBe(NO_ROOM);
    now += 5000;
    expect(await other.say(MAIL, RCPT, "DATA", large)).toMatch(/^250 /);
  });

  it("U23: who is let try since it declares less makes the while no longer, and is taken at what it sends", async () => {
    let now = 1000;
    const to = fake({}, { before: () => { throw new Refusal("4.3.1", "the queue is full"); } });
    await using running = await mx({ clock: () => now, timeouts: { room: 5000 } }, to);
    await using offender = await running.dial();
    const large = `A: b\r\n\r\n${"x\r\n".repeat(1000)}.`;
    await offender.say(...BOTH, "DATA", large);
    await using other = await running.dial();
    await other.say(ENVELOPE[0]);
    for (let second = 0; second < 4; second += 1) {
      now += 1000;
      expect(await offender.say(`${MAIL} SIZE=1`, RCPT, ALSO, "DATA", large)).toBe("452 4.3.1 the queue is full");
      expect(await other.say(MAIL)).toBe(NO_ROOM);
      expect(await other.say(`${MAIL} SIZE=2000`, "RSET")).toMatch(/^250 /);
    }
    now += 1000;
    expect(await other.say(MAIL)).toMatch(/^250 /);
  });

  it("U23: who declares more than it sends keeps out those only who declare as much", async () => {
    const to = fake({}, { before: () => { throw new Refusal("4.3.1", "the queue is full"); } });
    await using running = await mx({ clock: () => 1000 }, to);
    await using client = await running.dial();
    await client.say(ENVELOPE[0], `${MAIL} SIZE=100000`, RCPT, ALSO, "DATA", `${MESSAGE}\r\n.`);
    expect(await client.say(`${MAIL} SIZE=100000`)).toBe(NO_ROOM);
    expect(await client.say(`${MAIL} SIZE=99999`)).toMatch(/^250 /);
  });

  it("U23: it does not begin where another that is no smaller was taken just now", async () => {
    let now = 1000;
    const to = fake({}, { before: ({ recipients }) => { if (recipients.includes("full@example.org")) throw new Refusal("4.3.1", "full"); } });
    await using running = await mx({ clock: () => now, timeouts: { room: 5000 } }, to);
    await using offender = await running.dial();
    await using other = await running.dial();
    const toFull = [MAIL, "RCPT TO:<full@example.org>", ALSO, "DATA", `${MESSAGE}\r\n.`];
    await other.say(...ENVELOPE, "DATA", `${MESSAGE}\r\n.`);
    now += 4999;
    expect(await offender.say(ENVELOPE[0], ...toFull)).toBe("452 4.3.1 full");
    expect(await other.say(MAIL, RCPT, "DATA", `${MESSAGE}\r\n.`)).toMatch(/^250 /);
    now += 4999;
    expect(await offender.say(...toFull)).toBe("452 4.3.1 full");
    expect(await other.say(MAIL, "RSET")).toMatch(/^250 /);
    // A larger one says more, and so does one when nothing was taken for a while.
    expect(await offender.say(`${MAIL} SIZE=1000000`, ...toFull.slice(1))).toBe("452 4.3.1 full");
    expect(await other.say(`${MAIL} SIZE=1000000`)).toBe(NO_ROOM);
    now += 5000;
    expect(await offender.say(...toFull)).toBe("452 4.3.1 full");
    expect(await other.say(MAIL)).toBe(NO_ROOM);
  });

  it("U23: a message that is taken and no smaller ends it", async () => {
    let full = true;
    const to = fake({}, { before: () => { if (full) throw new Refusal("4.3.1", "the queue is full"); } });
    await using running = await mx({ clock: () => 1000 }, to);
    await using other = await running.dial();
    // It has begun before.
    await other.say(...ENVELOPE);
    await using client = await running.dial();
    await client.say(...BOTH, "DATA", `${MESSAGE}\r\n.`);
    expect(await client.say(MAIL)).toBe(NO_ROOM);
    full = false;
    expect(await other.say("DATA", `${MESSAGE}\r\n.`)).toMatch(/^250 /);
    expect(await client.say(MAIL)).toMatch(/^250 /);
  });

  it("U23: one mailbox for which there is no room, however often it is tried, keeps out nobody; a second one does", async () => {
    let now = 1000;
    const to = fake({ "full@example.org": { kind: "deferred", status: "4.3.1", message: "full" }, "cho@example.org": { kind: "deferred", status: "4.3.1", message: "full" } });
    await using running = await mx({ clock: () => now, timeouts: { room: 5000 } }, to);
    await using offender = await running.dial();
    await using other = await running.dial();
    await offender.say(ENVELOPE[0]);
    await other.say(ENVELOPE[0]);
    for (let time = 0; time < 3; time += 1) {
      expect(await offender.say(MAIL, "RCPT TO:<full@example.org>", "DATA", `${MESSAGE}\r\n.`)).toBe("452 4.3.1 full");
      expect(await other.say(MAIL, "RSET")).toMatch(/^250 /);
    }
    // Long after the first it says nothing of the whole either.
    now += 5000;
    expect(await offender.say(MAIL, ALSO, "DATA", `${MESSAGE}\r\n.`)).toBe("452 4.3.1 full");
    expect(await other.say(MAIL, "RSET")).toMatch(/^250 /);
    now += 4999;
    expect(await offender.say(MAIL, "RCPT TO:<full@example.org>", "DATA", `${MESSAGE}\r\n.`)).toBe("452 4.3.1 full");
    expect(await other.say(MAIL)).toBe(NO_ROOM);
  });

  it("U23: a clock that is put back ends it too", async () => {
    let now = 1_000_000;
    const to = fake({}, { before: () => { throw new Refusal("4.3.1", "the queue is full"); } });
    await using running = await mx({ clock: () => now }, to);
    await using client = await running.dial();
    await client.say(...BOTH, "DATA", `${MESSAGE}\r\n.`);
    expect(await client.say(MAIL)).toBe(NO_ROOM);
    now = 0;
    expect(await client.say(MAIL)).toMatch(/^250 /);
  });

  it.each([
    ["another server's lack of it", new Refusal("4.3.1", "full", { reply: { code: 452, text: "4.3.1 full" } })],
    ["other trouble", new Refusal("4.3.0", "broken")],
    ["a full mailbox", new Refusal("4.2.2", "full")],
    ["a line of sends that is full", new Refusal("4.3.0", "1000 sends are waiting already")],
  ])("U23: %s is no reason to turn others away", async (_, refusal) => {
    const to = fake({}, { before: () => { throw refusal; } });
    await using running = await mx({}, to);
    await using client = await running.dial();
    expect(await client.say(...BOTH, "DATA", `${MESSAGE}\r\n.`)).toMatch(/^45[12] 4\.[23]\.[0-2] /);
    expect(await client.say(MAIL)).toMatch(/^250 /);
  });

  it("U23: headers count to the memory that all messages share; one that does not fit in is deferred", async () => {
    await using running = await mx({ spool: { total: 100_000 }, limits: { header: 80_000 } });
    const header = `A: ${"x".repeat(900)}\r\n`.repeat(66);
    await using first = await running.dial();
    await first.say(...ENVELOPE);
    first.send(`BDAT ${header.length}\r\n${header}`);
    expect(await first.reply()).toMatch(/^250 /);
    await using second = await running.dial();
    expect(await second.say(...ENVELOPE, "DATA", `${header}\r\nhi\r\n.`)).toBe("452 4.3.1 no space for the message, try again later");
    first.send("BDAT 6 LAST\r\n\r\nhi\r\n");
    expect(await first.reply()).toMatch(/^250 /);
    expect(await second.say(...ENVELOPE.slice(1), "DATA", `${header}\r\nhi\r\n.`)).toMatch(/^250 /);
    expect(running.to.calls).toHaveLength(2);
  });
});
