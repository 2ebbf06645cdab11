import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CommandError } from "../src/command-error.ts";
import { mailParameters, rcptParameters } from "../src/parameters.ts";
import { forwardPath, reversePath } from "../src/path.ts";
import { MESSAGE, mx } from "./support.ts";

const EHLO = "EHLO client.example";

/** A command that is refused is no surprise, whatever else is thrown is one. */
function attempt(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
  }
}

describe("parameters", () => {
  it.each([
    ["MAIL FROM:<> RET=FULL RET=HDRS", "501 5.5.4"],
    ["MAIL FROM:<> RET=SOME", "501 5.5.4"],
    ["MAIL FROM:<> ENVID=a+b", "501 5.5.4"],
    ["MAIL FROM:<> ENVID=a+0D+0A", "501 5.5.4"],
    [`MAIL FROM:<> ENVID=${"x".repeat(101)}`, "501 5.5.4"],
    ["MAIL FROM:<> ENVID", "501 5.5.4"],
    ["MAIL FROM:<> SMTPUTF8=1", "501 5.5.4"],
    ["MAIL FROM:<> SIZE=", "501 5.5.4"],
    ["MAIL FROM:<> SIZE=-1", "501 5.5.4"],
    ["MAIL FROM:<> =x", "501 5.5.4"],
    ["MAIL FROM:<> FROB=1", "555 5.5.4"],
    ["MAIL FROM:<> NOTIFY=NEVER", "555 5.5.4"],
    ["MAIL FROM:<> REQUIRETLS", "530 5.7.10"],
    ["MAIL FROM:<>RET=FULL", "501 5.1.7"],
    ["MAIL FROM:a@x.example", "501 5.1.7"],
    ["MAIL FROM:<a@b c>", "501 5.1.7"],
    ["MAIL FROM <a@b.example>", "501 5.1.7"],
    ["MAIL <a@b.example>", "501 5.1.7"],
    [`MAIL FROM:<${"a".repeat(65)}@b.example>`, "501 5.1.7"],
  ])("U32: %s is refused", async (command, reply) => {
    await using running = await mx();
    await using client = await running.dial();
    expect(await client.say(EHLO, command)).toMatch(new RegExp(`^${reply} `));
  });

  it.each(["NEVER,SUCCESS", "SUCCESS,SUCCESS", "", "X", "SUCCESS,", "SUCCESS NOTIFY=DELAY"])("U32: NOTIFY=%s is a 501", async (value) => {
    await using running = await mx();
    await using client = await running.dial();
    expect(await client.say(EHLO, "MAIL FROM:<>", `RCPT TO:<ann@example.org> NOTIFY=${value}`)).toMatch(/^501 5\.5\.4 /);
  });

  it.each(["ann@example.org", "rfc822;", "rfc822;a+0A", "rfc822;a+xx", "utf-8;\\x{0A}", "utf-8;\\x{FFFFFF}", `rfc822;${"x".repeat(500)}`])("U32: ORCPT=%s is a 501", async (value) => {
    await using running = await mx();
    await using client = await running.dial();
    expect(await client.say(EHLO, "MAIL FROM:<>", `RCPT TO:<ann@example.org> ORCPT=${value}`)).toMatch(/^50[01] 5\.5\.[24] /);
  });

  it("U32: what is right stands in the envelope, decoded", async () => {
    await using running = await mx();
    await using client = await running.dial();
    await client.say(EHLO, "MAIL FROM:<a@x.example> RET=hdrs ENVID=order+207+2B8 SIZE=100 BODY=8BITMIME SMTPUTF8", "RCPT TO:<ann@example.org> NOTIFY=success,DELAY ORCPT=rfc822;Ann+2B1@example.com");
    await client.say("RCPT TO:<bob@example.org> NOTIFY=NEVER", "RCPT TO:<cid@example.org> ORCPT=utf-8;j\\x{F6}rg@x.example", "DATA", `${MESSAGE}\r\n.`);
    expect(running.to.calls[0]?.mail.envelope).toEqual({
      from: "a@x.example", smtputf8: true, dsn: { ret: "hdrs", envid: "order 7+8" },
      to: [
        { address: "ann@example.org", notify: ["success", "delay"], originalRecipient: "rfc822;Ann+1@example.com" },
        { address: "bob@example.org", notify: "never" },
        { address: "cid@example.org", originalRecipient: "utf-8;jörg@x.example" },
      ],
    });
  });

  it("U32: an address named twice counts once, as it was named first", async () => {
    await using running = await mx();
    await using client = await running.dial();
    expect(await client.say(EHLO, "MAIL FROM:<>", "RCPT TO:<ann@example.org> NOTIFY=NEVER", "RCPT TO:<ann@EXAMPLE.org>", "DATA", `${MESSAGE}\r\n.`)).toMatch(/^250 /);
    expect(running.to.calls[0]?.mail.envelope.to).toEqual([{ address: "ann@example.org", notify: "never" }]);
  });

  it("U32: whatever stands there, it is read or refused with a CommandError, in time that grows with its length", () => {
    const word = fc.oneof(fc.constantFrom("SIZE=1", "NOTIFY=NEVER", "ORCPT=rfc822;a", "RET=FULL", "ENVID=a", "AUTH=<>", "=", "+", " "), fc.string({ maxLength: 30 }));
    fc.assert(
      fc.property(fc.array(word, { maxLength: 20 }), (words) => {
        for (const read of [mailParameters, rcptParameters]) {
          expect(() => attempt(() => read(words.join(" ")))).not.toThrow();
        }
      }),
    );
    for (const hostile of [`<${"@a,".repeat(20_000)}`, `<"${"\\\\".repeat(20_000)}`, `<${"a.".repeat(20_000)}@x>`, `<${"@a".repeat(20_000)}:x@y>`]) {
      expect(forwardPath(`TO:${hostile}`)).toBeUndefined();
      expect(reversePath(`FROM:${hostile}`)).toBeUndefined();
    }
  });

  it("U9: no path that is read holds what could end it", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("a", "@", "<", ">", '"', "\\", " ", ".", "[", "]", ":", ",", "%", "\r", "\n", "\0", "ä"), maxLength: 24 }), (text) => {
        const path = forwardPath(`TO:<${text}>`);
        if (path === undefined) return;
        expect(path.address).toMatch(/@|^postmaster$/);
        expect(path.address).not.toMatch(/\p{Cc}/u);
        expect(path.address.replaceAll(/"(?:[^"\\]|\\.)*"/g, "")).not.toMatch(/[<> ,]/);
      }),
      { numRuns: 3000 },
    );
  });
});
