import { describe, expect, it } from "vitest";
import { testCertificate } from "../src/certificate.ts";
import { modelPeer } from "../src/peer.ts";
import type { Client } from "./client.ts";
import { dial, dialTls } from "./client.ts";

const certificate = testCertificate();

/** Says each line, waits for its reply, gives the last lines of the replies. */
async function converse(client: Client, ...lines: readonly string[]): Promise<readonly string[]> {
  const replies: string[] = [];
  for (const line of lines) {
    client.say(`${line}\r\n`);
    replies.push(await reply(client));
  }
  return replies;
}

async function reply(client: Client): Promise<string> {
  let all = "";
  do all += await client.hear("\r\n");
  while (!/^\d{3} .*\r\n$/m.test(all));
  return all.trimEnd().split("\r\n").at(-1) ?? "";
}

const envelope = ["EHLO me", "MAIL FROM:<a@x>", "RCPT TO:<b@x>", "DATA"] as const;

describe("model peer", () => {
  it("takes a message and records it", async () => {
    await using peer = await modelPeer({ recipients: { "no@x": "550 5.1.1 no such user" } });
    using client = await dial(peer.port);
    expect(await reply(client)).toBe("220 model ESMTP");
    expect(
      await converse(
        client,
        "EHLO me",
        "MAIL FROM:<a@x> BODY=8BITMIME",
        "RCPT TO:<b@x>",
        "RCPT TO:<no@x>",
        "RCPT TO:<c@x>",
        "DATA",
      ),
    ).toEqual([
      "250 ENHANCEDSTATUSCODES",
      "250 2.1.0 ok",
      "250 2.1.5 ok",
      "550 5.1.1 no such user",
      "250 2.1.5 ok",
      "354 go",
    ]);
    expect(await converse(client, "..dot\r\n.", "QUIT")).toEqual(["250 2.0.0 queued on connection 1", "221 2.0.0 bye"]);
    const [message] = peer.messages;
    expect(message).toMatchObject({
      connection: 1,
      from: "a@x",
      parameters: ["BODY=8BITMIME"],
      user: undefined,
      secure: false,
    });
    expect(message?.to.map(({ address }) => address)).toEqual(["b@x", "c@x"]);
    expect([String(message?.raw), String(message?.content)]).toEqual(["..dot\r\n.\r\n", ".dot\r\n"]);
    expect(peer.violations).toEqual([]);
    expect(peer.connections).toMatchObject({ total: 1, most: 1 });
  });

  it("answers a pipelined group in one write, over many messages", async () => {
    await using peer = await modelPeer();
    using client = await dial(peer.port);
    await reply(client);
    await converse(client, "EHLO me");
    const before = client.reads.length;
    client.say("MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n");
    await client.hear("354 go\r\n");
    expect(client.reads.slice(before)).toEqual(["250 2.1.0 ok\r\n250 2.1.5 ok\r\n354 go\r\n"]);
    client.say("one\r\n.\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n");
    await client.hear("354 go\r\n");
    expect(await converse(client, "two\r\n.")).toEqual(["250 2.0.0 queued on connection 1"]);
    expect(peer.messages.map(({ content }) => String(content))).toEqual(["one\r\n", "two\r\n"]);
    expect(peer.violations).toEqual([]);
  });

  it.each([
    ["EHLO me\r\nMAIL FROM:<a@x>\r\n", "did not wait for the reply to EHLO"],
    ["EHLO me\n", "bare LF after EHLO"],
    ["MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\n", "pipelined behind MAIL, which was not announced"],
  ])("writes down violations: %j", async (said, violation) => {
    await using peer = await modelPeer({ extensions: [] });
    using client = await dial(peer.port);
    client.say(`${said}QUIT\r\n`);
    await client.over;
    expect(peer.violations).toContain(`connection 1: ${violation}`);
  });

  it("writes down a bare CR or LF in content", async () => {
    await using peer = await modelPeer();
    using client = await dial(peer.port);
    await reply(client);
    await converse(client, ...envelope, "one\ntwo\r\n.");
    expect(peer.violations).toEqual(["connection 1: bare CR or LF in content"]);
  });

  it.each([
    ["MAIL FROM:<a@x> SIZE=5", "555 5.5.4 SIZE was not announced"],
    ["MAIL FROM:<ä@x>", "553 5.6.7 SMTPUTF8 is missing"],
    ["MAIL FROM:<ä@x> SMTPUTF8", "250 2.1.0 ok"],
    ["MAIL FROM: <a@x>", "501 5.5.4 MAIL FROM:<address>, please"],
    ["RCPT TO:<a@x>", "503 5.5.1 MAIL first"],
    ["DATA", "503 5.5.1 MAIL first"],
    ["BDAT 0 LAST", "503 5.5.1 not offered"],
    ["AUTH PLAIN AGEAYg==", "503 5.5.1 not offered"],
    ["HELO", "501 5.5.4 a host name, please"],
    ["MAIL", "501 5.5.4 MAIL FROM:<address>, please"],
    ["WHAT now", "500 5.5.2 unknown command"],
  ])("answers %s with %s", async (line, expected) => {
    await using peer = await modelPeer();
    using client = await dial(peer.port);
    await reply(client);
    expect(await converse(client, "EHLO me", line)).toEqual(["250 ENHANCEDSTATUSCODES", expected]);
  });

  it("refuses what is larger than announced, declared or not", async () => {
    await using peer = await modelPeer({ extensions: ["SIZE 10"] });
    using client = await dial(peer.port);
    await reply(client);
    expect(await converse(client, "EHLO me", "MAIL FROM:<a@x> SIZE=11")).toEqual([
      "250 SIZE 10",
      "552 5.3.4 too large",
    ]);
    const replies = await converse(client, "MAIL FROM:<a@x> SIZE=10", "RCPT TO:<b@x>", "DATA", "0123456789\r\n.");
    expect(replies.at(-1)).toBe("552 5.3.4 too large");
    expect(peer.messages).toEqual([]);
  });

  it("takes chunks", async () => {
    await using peer = await modelPeer({ extensions: ["PIPELINING", "CHUNKING"] });
    using client = await dial(peer.port);
    await reply(client);
    await converse(client, "EHLO me");
    client.say("MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nBDAT 3\r\n.\r\nBDAT 2 LAST\r\n..QUIT\r\n");
    expect(await client.rest()).toContain("250 2.0.0 3 octets\r\n250 2.0.0 queued on connection 1\r\n221");
    expect(String(peer.messages[0]?.content)).toBe(".\r\n..");
    expect(peer.violations).toEqual([]);
  });

  it("wants TLS before AUTH and AUTH before MAIL", async () => {
    await using peer = await modelPeer({ tls: certificate, users: { ann: "secret" }, extensions: [] });
    using client = await dial(peer.port);
    await reply(client);
    expect(await converse(client, "EHLO me", "AUTH PLAIN AGFubgBzZWNyZXQ=", "MAIL FROM:<a@x>", "STARTTLS")).toEqual([
      "250 STARTTLS",
      "503 5.5.1 not offered",
      "530 5.7.0 authenticate first",
      "220 2.0.0 go",
    ]);
    using secured = await client.secure({ ca: certificate.ca });
    expect(await converse(secured, "EHLO me", "AUTH PLAIN", "AGFubgB3cm9uZw==")).toEqual([
      "250 AUTH PLAIN LOGIN",
      "334",
      "535 5.7.8 no",
    ]);
    expect(await converse(secured, "AUTH LOGIN", "*", "AUTH CRAM-MD5", "AUTH LOGIN", "YW5u", "c2VjcmV0")).toEqual([
      "334 VXNlcm5hbWU6",
      "501 5.7.0 cancelled",
      "504 5.5.4 unknown mechanism",
      "334 VXNlcm5hbWU6",
      "334 UGFzc3dvcmQ6",
      "235 2.7.0 ok",
    ]);
    await converse(secured, "MAIL FROM:<a@x>", "RCPT TO:<b@x>", "DATA", "hi\r\n.");
    expect(peer.messages[0]).toMatchObject({ user: "ann", secure: true });
  });

  it("speaks TLS from the first byte on, and outlives a failed handshake", async () => {
    await using peer = await modelPeer({ tls: certificate, implicitTls: true });
    await expect(dialTls(peer.port, {})).rejects.toThrow(/certificate/);
    using client = await dialTls(peer.port, { ca: certificate.ca });
    expect(await reply(client)).toBe("220 model ESMTP");
    expect(peer.url).toMatch(/^smtps:/);
  });

  it("replies as the test wants, and acts on what it said", async () => {
    const tooMany = "452 4.5.3 too many";
    await using peer = await modelPeer({
      on: ({ step, to }) => (step === "rcpt" && to.length === 1 ? tooMany : undefined),
    });
    using client = await dial(peer.port);
    await reply(client);
    const replies = await converse(
      client,
      "EHLO me",
      "MAIL FROM:<a@x>",
      "RCPT TO:<b@x>",
      "RCPT TO:<c@x>",
      "DATA",
      "hi\r\n.",
    );
    expect(replies[3]).toBe(tooMany);
    expect(peer.messages[0]?.to.map(({ address }) => address)).toEqual(["b@x"]);
  });

  it.each([
    [{ drop: "before" }, "", 1],
    [{ drop: "mid" }, "250 2.0.0 queued ", 1],
    [{ drop: "after" }, "250 2.0.0 queued on connection 1\r\n", 1],
    [{ drop: "before", reply: "451 4.3.0 no" }, "", 0],
    [{ drop: "after", reply: "451 4.3.0 no" }, "451 4.3.0 no\r\n", 0],
  ] as const)("breaks off the reply to the final dot: %j", async (fault, heard, taken) => {
    await using peer = await modelPeer({ on: ({ step }) => (step === "message" ? fault : undefined) });
    using client = await dial(peer.port);
    await reply(client);
    await converse(client, ...envelope);
    client.say("hi\r\n.\r\n");
    expect(await client.rest()).toBe(heard);
    expect(peer.messages).toHaveLength(taken);
  });

  it("drops in the middle of content, and at any other step", async () => {
    for (const at of ["greeting", "ehlo", "mail", "rcpt", "data", "content", "quit"]) {
      await using peer = await modelPeer({
        on: ({ step }) => (step === at ? { drop: "before", reset: at === "mail" } : undefined),
      });
      using client = await dial(peer.port);
      client.say("EHLO me\r\n");
      if (at !== "greeting" && at !== "ehlo") {
        await client.hear("ENHANCEDSTATUSCODES\r\n");
        client.say("MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n");
      }
      if (at === "content" || at === "quit") {
        await client.hear("354 go\r\n");
        client.say(at === "content" ? "half a li" : "all\r\n.\r\nQUIT\r\n");
      }
      expect(await client.over).toBe(at === "mail" ? "ECONNRESET" : "end");
      expect(peer.messages).toHaveLength(at === "quit" ? 1 : 0);
    }
  });

  it("serves twenty connections at once and knows how many there were", async () => {
    await using peer = await modelPeer();
    const clients = await Promise.all(Array.from({ length: 20 }, () => dial(peer.port)));
    await Promise.all(
      clients.map(async (client, index) => {
        await reply(client);
        await converse(client, ...envelope, `message ${index}\r\n.`);
      }),
    );
    expect(peer.connections).toEqual({ total: 20, open: 20, most: 20 });
    expect(new Set(peer.messages.map(({ content }) => String(content))).size).toBe(20);
    peer.disconnect();
    expect(await Promise.all(clients.map(({ over }) => over))).toEqual(Array.from({ length: 20 }, () => "end"));
    for (const client of clients) client[Symbol.dispose]();
  });

  it("breaks open connections when told to, under TLS too", async () => {
    await using peer = await modelPeer({ tls: certificate, implicitTls: true });
    using first = await dialTls(peer.port, { ca: certificate.ca });
    await reply(first);
    peer.disconnect("reset");
    expect(await first.over).toBe("ECONNRESET");
    using second = await dialTls(peer.port, { ca: certificate.ca });
    await reply(second);
    peer.disconnect();
    expect(await second.over).toBe("end");
    expect(peer.connections.total).toBe(2);
  });

  it("a test's own mistake is not swallowed", async () => {
    const peer = await modelPeer({
      on: () => {
        throw new TypeError("mistake");
      },
    });
    using client = await dial(peer.port);
    await client.over;
    await expect(peer[Symbol.asyncDispose]()).rejects.toThrow("mistake");
  });
});
