import { describe, expect, it } from "vitest";
import { scriptedPeer } from "../src/peer.ts";
import { dial } from "./client.ts";

describe("scripted peer: a conversation", () => {
  it("is played step by step, and kept", async () => {
    await using peer = await scriptedPeer();
    const session = peer.session((s) =>
      s
        .greet("PIPELINING")
        .expectGroup("MAIL FROM:<a@x>", /^RCPT TO:/, (line) => line === "DATA")
        .reply("250 2.1.0 ok", "250 2.1.5 ok", "354 go")
        .expectData()
        .reply("250 queued"),
    );
    using client = await dial(peer.port);
    await client.hear("220 peer ESMTP\r\n");
    client.say("EHLO me\r\n");
    await client.hear("250-peer\r\n250 PIPELINING\r\n");
    client.say("MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n");
    await client.hear("250 2.1.0 ok\r\n250 2.1.5 ok\r\n354 go\r\n");
    client.say("..one\r\ntwo\r\n.\r\nQUIT\r\n");
    expect(await client.rest()).toBe("250 queued\r\n221 2.0.0 bye\r\n");
    await peer.done();
    expect(session.received).toEqual(["EHLO me", "MAIL FROM:<a@x>", "RCPT TO:<b@x>", "DATA", "QUIT"]);
    expect(session.groups).toEqual([["EHLO me"], ["MAIL FROM:<a@x>", "RCPT TO:<b@x>", "DATA"], ["QUIT"]]);
    expect(session.messages.map(({ raw, content }) => [String(raw), String(content)])).toEqual([
      ["..one\r\ntwo\r\n.\r\n", ".one\r\ntwo\r\n"],
    ]);
    expect(String(session.raw)).toBe(
      "EHLO me\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n..one\r\ntwo\r\n.\r\nQUIT\r\n",
    );
    expect(session.transcript.slice(0, 3)).toEqual(["S: 220 peer ESMTP", "C: EHLO me", "S: 250-peer"]);
  });

  it("has one script per connection, in order", async () => {
    await using peer = await scriptedPeer();
    peer.session((s) => s.reply("220 first").expectEnd());
    peer.session((s) => s.reply("220 second").expectEnd());
    for (const greeting of ["220 first\r\n", "220 second\r\n"]) {
      using client = await dial(peer.port);
      expect(await client.hear("\r\n")).toBe(greeting);
    }
    await peer.done();
    expect(peer.sessions).toHaveLength(2);
  });

  it("reads AUTH exchanges in the clear text of their base64", async () => {
    await using peer = await scriptedPeer();
    peer.session((s) =>
      s
        .expectAuth("PLAIN", "\0user\0pass")
        .reply("535 5.7.8 no")
        .expectAuth("LOGIN")
        .challenge("Username:")
        .expectBase64("user")
        .challenge("Password:")
        .expectBase64("pass")
        .reply("235 2.7.0 ok")
        .expectAuth("EXTERNAL", "")
        .reply("235 2.7.0 ok"),
    );
    using client = await dial(peer.port);
    client.say("AUTH PLAIN AHVzZXIAcGFzcw==\r\nAUTH LOGIN\r\ndXNlcg==\r\ncGFzcw==\r\nAUTH EXTERNAL =\r\n");
    expect(await client.hear("ok\r\n235 2.7.0 ok\r\n")).toBe(
      "535 5.7.8 no\r\n334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n235 2.7.0 ok\r\n235 2.7.0 ok\r\n",
    );
    await peer.done();
  });

  it("takes BDAT by its octets, whatever they look like", async () => {
    await using peer = await scriptedPeer();
    const session = peer.session((s) =>
      s.expectBdat({ size: 7 }).reply("250 7 octets").expectBdat({ size: 3, last: true }).reply("250 queued"),
    );
    using client = await dial(peer.port);
    client.say("BDAT 7\r\n.\r\nBDATBDAT 3 LAST\r\n\r\n.");
    await client.hear("250 queued\r\n");
    await peer.done();
    expect(session.messages.map(({ content }) => String(content))).toEqual([".\r\nBDAT\r\n."]);
  });

  it("repeats fragments and calls the test on the way", async () => {
    await using peer = await scriptedPeer();
    const seen: number[] = [];
    peer.session((s) =>
      s
        .use((each, index) => each.expect(`RCPT TO:<${index}@x>`).reply("250 ok"), 3)
        .call((session) => seen.push(session.received.length)),
    );
    using client = await dial(peer.port);
    client.say("RCPT TO:<0@x>\r\nRCPT TO:<1@x>\r\nRCPT TO:<2@x>\r\n");
    await peer.done();
    expect(seen).toEqual([3]);
    expect(client.socket.destroyed).toBe(false);
  });

  it("waits for the test, and the client's early lines wait too", async () => {
    await using peer = await scriptedPeer();
    const gate = new AbortController();
    const session = peer.session((s) =>
      s.expect("NOOP").wait(gate.signal).wait(Promise.resolve()).reply("250 late").expect("RSET").reply("250 ok"),
    );
    using client = await dial(peer.port);
    client.say("NOOP\r\nRSET\r\n");
    await session.opened;
    expect(client.heard).toBe("");
    gate.abort();
    expect(await client.hear("ok\r\n")).toBe("250 late\r\n250 ok\r\n");
    await peer.done();
  });

  it("looks at the content with the test's own eyes", async () => {
    const peer = await scriptedPeer();
    peer.session((s) => s.expectData((content) => expect(String(content)).toBe("other\r\n")));
    using client = await dial(peer.port);
    client.say("hello\r\n.\r\n");
    await expect(peer.done()).rejects.toThrow(/a step threw AssertionError: .*other/s);
    await expect(peer[Symbol.asyncDispose]()).rejects.toThrow(/other/);
  });
});
