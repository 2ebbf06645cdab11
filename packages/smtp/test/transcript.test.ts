import { describe, expect, it } from "vitest";
import { adviceOn } from "../src/advice.ts";
import { line } from "../src/line.ts";
import { printable, transcript } from "../src/transcript.ts";
import fc from "fast-check";
import { first, mail, plain, scripted } from "./support.ts";

describe("transcript", () => {
  it("keeps the last lines of both sides, oldest first", () => {
    const log = transcript();
    log.client("EHLO x");
    log.server(250, "a\nPIPELINING");
    for (let index = 0; index < 20; index += 1) log.client(`MAIL ${index}\r\nRCPT ${index}\r\n`);
    expect(log.lines()).toHaveLength(12);
    expect(log.lines().at(-1)).toBe("C: RCPT 19");
    expect(log.lines()[0]).toBe("C: MAIL 14");
  });

  it("C51 #49: is free of control characters and bounded, whatever is said", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 600 }), (text) => {
        const log = transcript();
        log.server(250, text);
        log.client(text);
        for (const shown of log.lines()) {
          expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
          expect(shown.length).toBeLessThan(2000);
        }
        expect(log.lines().length).toBeLessThanOrEqual(12);
      }),
    );
    expect(printable("a\u0000\u{e0001}\ud800b", 10)).toBe("a\\u{0}\\u{e0001}\ufffdb");
  });

  it("hides what it is told to, on both sides", () => {
    const log = transcript();
    log.server(334, "before: hunter2");
    log.hide(["hunter2", "x"]);
    log.client("AUTH hunter2");
    expect(log.lines()).toEqual(["S: 334 before: ***", "C: AUTH ***"]);
    expect(log.clean("text hunter2")).toBe("text ***");
  });

  it("is part of an outcome, with phase, remote, reply and advice, and without the message", async () => {
    await using peer = await scripted((s) =>
      s.greet("PIPELINING").expectGroup(/^MAIL/, /^RCPT/, "DATA").reply("250 ok", "250 ok", "354 go").expectData().reply("554-5.7.26 fails DMARC", "554 5.7.26 see rfc7489"),
    );
    await using transport = plain(peer);
    expect(first(await transport.send(mail()))).toEqual({
      kind: "rejected",
      recipient: "bob@b.example",
      status: "5.7.26",
      by: `smtp:127.0.0.1:${peer.port}`,
      remote: `127.0.0.1:${peer.port}`,
      message: "the message was refused: 554 5.7.26 fails DMARC 5.7.26 see rfc7489",
      reply: { code: 554, text: "5.7.26 fails DMARC\n5.7.26 see rfc7489" },
      diagnosis: {
        phase: "final",
        advice: expect.stringContaining("DMARC"),
        transcript: [
          "S: 220 peer ESMTP", "C: EHLO client.example", "S: 250 peer", "S: PIPELINING", "C: MAIL FROM:<ann@a.example>", "C: RCPT TO:<bob@b.example>",
          "C: DATA", "S: 250 ok", "S: 250 ok", "S: 354 go", "C: (message of 22 bytes)", "S: 554 5.7.26 fails DMARC", "S: 5.7.26 see rfc7489",
        ].slice(-12),
      },
    });
  });

  it("advice depends on data, never on the text of a reply", () => {
    expect(adviceOn({ phase: "connect", status: "4.4.1", code: "ECONNREFUSED" })).toContain("Nothing listens");
    expect(adviceOn({ phase: "auth", status: "4.7.8", reply: 535 })).toContain("password");
    expect(adviceOn({ phase: "idle", status: "4.0.0" })).toBeUndefined();
  });
});

describe("line", () => {
  it("is first come, first served, with a way back to the front", () => {
    const commands = fc.array(fc.oneof(fc.integer(), fc.constant("shift" as const), fc.constant("unshift" as const)), { maxLength: 3000 });
    fc.assert(
      fc.property(commands, (all) => {
        const real = line<number>();
        const model: number[] = [];
        for (const [index, command] of all.entries()) {
          const results = [real, model].map((queue) => {
            if (command === "shift") return queue.shift();
            if (command === "unshift") queue.unshift(index);
            else queue.push(command);
            return undefined;
          });
          expect(results[0]).toBe(results[1]);
          expect(real.size).toBe(model.length);
        }
      }),
      { numRuns: 30 },
    );
  });
});
