import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TextScanner } from "../src/text-scanner.ts";
import { ENVELOPE, mx, textOf } from "./support.ts";

const BODY = "From: a@x.example\r\n\r\nfirst";
const SMUGGLED = "MAIL FROM:<evil@x.example>\r\nRCPT TO:<ann@example.org>\r\nDATA\r\nFrom: evil@x.example\r\n\r\nsecond";

/** What some server or other takes for the end of the data. */
const ENDS = ["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r.\r\n", "\r\n\0.\r\n", "\r\n.\r\r\n", "\r.\n", "\n.\r", "\n\n.\r\n", "\r\n.\0\r\n"];

describe("smuggling", () => {
  it.each(ENDS.map((end) => [JSON.stringify(end), end]))("U12 #36: %s ends no message, whole or byte by byte", async (_, end) => {
    for (const bytewise of [false, true]) {
      await using running = await mx();
      await using client = await running.dial();
      await client.say(...ENVELOPE, "DATA");
      const text = `${BODY}${end}${SMUGGLED}\r\n.\r\n`;
      client.socket.setNoDelay(true);
      if (!bytewise) client.send(text);
      else for (const byte of Buffer.from(text)) client.send(Buffer.of(byte));
      expect(await client.reply()).toMatch(/^550 5\.(5\.2|6\.0) the message holds a (bare CR|bare LF|NUL)/);
      expect(await client.say("NOOP")).toBe("250 2.0.0 ok");
      expect(running.to.calls).toEqual([]);
    }
  });

  it("U12: a bare LF in a chunk is refused too", async () => {
    await using running = await mx();
    await using client = await running.dial();
    await client.say(...ENVELOPE);
    client.send("BDAT 24 LAST\r\nFrom: a@x.example\r\n\r\na\nb");
    expect(await client.reply()).toMatch(/^550 5\.5\.2 the message holds a bare LF/);
    expect(running.to.calls).toEqual([]);
  });

  it("U12: dots are taken out where they were put in, wherever the text is cut", async () => {
    const text = ".\r\n..\r\n.a\r\na.\r\n\r\n...\r\n";
    const stuffed = text.replaceAll(/^\./gm, "..");
    await using running = await mx();
    await using client = await running.dial();
    await client.say(...ENVELOPE);
    for (let at = 1; at < stuffed.length + 4; at += 1) {
      const wire = `X: y\r\n\r\n${stuffed}.\r\n`;
      await client.say("RSET", ...ENVELOPE.slice(1), "DATA");
      client.send(wire.slice(0, 6 + at));
      await new Promise(setImmediate);
      client.send(wire.slice(6 + at));
      expect(await client.reply()).toMatch(/^250 /);
      expect(textOf(running.to.calls.at(-1)?.bytes).split("\r\n\r\n").slice(1).join("\r\n\r\n")).toBe(text);
    }
  });

  it("U12: what comes out ends every line in CRLF, and nothing but CRLF dot CRLF ends it", () => {
    const piece = fc.constantFrom("\r", "\n", "\r\n", ".", "\0", "a", "\r\n.\r\n", "\r\n.");
    const cuts = fc.array(fc.nat({ max: 8 }), { maxLength: 20 });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), cuts, (pieces, sizes) => {
        const wire = pieces.join("");
        const scanner = new TextScanner(true, 998);
        let text = "";
        let taken = 0;
        for (let at = 0, n = 0; at < wire.length && !scanner.ended; n += 1) {
          const chunk = Buffer.from(wire.slice(at, at + 1 + (sizes[n] ?? 3)));
          taken += scanner.scan(chunk, (clean) => (text += clean.toString()));
          at += chunk.length;
        }
        const end = `\r\n${wire}`.indexOf("\r\n.\r\n");
        expect(scanner.ended).toBe(end !== -1);
        expect(taken).toBe(end === -1 ? wire.length : end + 3);
        if (scanner.fault !== undefined) return;
        expect(text.replaceAll("\r\n", "")).not.toMatch(/[\n\0]/);
        if (end === -1) return;
        expect(text).not.toMatch(/\r(?!\n)/);
        expect(`\r\n${text}`).toBe(`\r\n${wire}`.slice(0, end + 2).replaceAll("\r\n.", "\r\n"));
      }),
      { numRuns: 2000 },
    );
  });
});
