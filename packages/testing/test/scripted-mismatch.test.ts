import { describe, expect, it } from "vitest";
import type { Script, ScriptedPeer } from "../src/peer.ts";
import { ConversationError, scriptedPeer } from "../src/peer.ts";
import { dial } from "./client.ts";

/** What the peer complains about when a client says this to a script. */
async function complaint(script: (s: Script) => unknown, said: string, end = false): Promise<string> {
  const peer = await scriptedPeer();
  peer.session(script);
  using client = await dial(peer.port);
  client.say(said);
  if (end) client.socket.end();
  return await settled(peer);
}

async function settled(peer: ScriptedPeer): Promise<string> {
  const error = await peer[Symbol.asyncDispose]().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof ConversationError ? error.message : `not a ConversationError: ${String(error)}`;
}

describe("scripted peer: a conversation that takes another course", () => {
  it("shows what was said, what was expected and what was left", async () => {
    const text = await complaint(
      (s) => s.expect("MAIL FROM:<a@x>").reply("250 ok").expect("DATA").reply("354 go"),
      "MAIL FROM:<a@x>\r\nRSET\r\n",
    );
    expect(text).toBe(
      [
        'session 1: expected "DATA", got "RSET"',
        "   C: MAIL FROM:<a@x>",
        "   S: 250 ok",
        "   C: RSET",
        "not played:",
        '   expect "DATA"',
        '   send "354 go"',
      ].join("\n"),
    );
  });

  it.each([
    ["a bare LF is no end of a line", (s: Script) => s.expect("NOOP"), "NOOP\n", 'got "NOOP\\n"'],
    [
      "a line beyond the script",
      (s: Script) => s.expect("NOOP"),
      "NOOP\r\nRSET\r\n",
      'nothing after the end of the script, got "RSET"',
    ],
    ["octets that do not come", (s: Script) => s.expectBdat(), "BDAT 5\r\nabc", "expected 5 octets"],
    ["a chunk of another size", (s: Script) => s.expectBdat({ size: 4 }), "BDAT 5\r\nabcde", "expected BDAT 4"],
    [
      "a chunk that is not the last",
      (s: Script) => s.expectBdat({ last: true }),
      "BDAT 1\r\na",
      "expected BDAT size LAST",
    ],
    [
      "content without a final dot",
      (s: Script) => s.expectData(),
      "hello\r\n",
      "content and its final dot, the client closed",
    ],
    ["fewer bytes", (s: Script) => s.expectBytes(9), "12345678", "expected 1 more bytes, the client closed"],
    ["a line instead of the end", (s: Script) => s.expectEnd(), "QUIT\r\n", "expected the end of the connection"],
    [
      "a command that did not wait",
      (s: Script) => s.expect("EHLO x").expectSilence().reply("250"),
      "EHLO x\r\nMAIL\r\n",
      'expected silence, got "MAIL"',
    ],
    [
      "plain text in place of a handshake",
      (s: Script) => s.upgrade({}),
      "EHLO x\r\n",
      'expected a TLS handshake, got "EHLO x"',
    ],
    ["an endless line", (s: Script) => s.expect("X"), "x".repeat(1_100_000), "a line longer than"],
  ])("notices %s", async (_, script, said, words) => {
    expect(await complaint(script, said, true)).toContain(words);
  });

  it("notices a script that is not at its end, and one that nobody came for", async () => {
    const peer = await scriptedPeer({ patience: 50 });
    peer.session((s) => s.expect("NOOP").reply("250 ok").expect("RSET"));
    peer.session((s) => s.reply("220 hi"));
    using client = await dial(peer.port);
    client.say("NOOP\r\n");
    await client.hear("250 ok\r\n");
    const text = await settled(peer);
    expect(text).toContain("session 1: the script is not at its end\n   C: NOOP\n   S: 250 ok\nnot played:\n");
    expect(text).toContain('session 2: nobody connected\nnot played:\n   send "220 hi"');
  });

  it("refuses a connection beyond the script, loudly", async () => {
    const peer = await scriptedPeer();
    using client = await dial(peer.port);
    expect(await client.rest()).toBe("554 5.3.2 peer: connection 1 came, but only 0 are scripted\r\n");
    await expect(peer.done()).rejects.toThrow("connection 1 came, but only 0 are scripted");
    expect(await settled(peer)).toContain("connection 1 came");
  });

  it("closes the connection where the client strays", async () => {
    const peer = await scriptedPeer();
    const session = peer.session((s) => s.expect("NOOP").reply("250 ok"));
    using client = await dial(peer.port);
    client.say("RSET\r\n");
    expect(await client.rest()).toBe("");
    await expect(session.done).rejects.toThrow('expected "NOOP", got "RSET"');
    await expect(peer[Symbol.asyncDispose]()).rejects.toThrow(ConversationError);
  });

  it("refuses a script that makes no sense", async () => {
    await using peer = await scriptedPeer();
    expect(() => peer.session((s) => s.expect("NOOP").split(1))).toThrow("right behind a reply");
    expect(() => peer.session((s) => s.upgrade())).toThrow("needs a certificate");
    expect(peer.sessions).toHaveLength(0);
  });
});
