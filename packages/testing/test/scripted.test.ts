import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { scriptedPeer } from "../src/peer.ts";

/** A client that says all it has to say at once, or line by line, and collects what it hears. */
async function dial(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  return socket;
}

async function hear(socket: Socket, wanted: string): Promise<string> {
  let heard = "";
  while (!heard.endsWith(wanted)) {
    const [chunk] = await once(socket, "data");
    heard += String(chunk);
  }
  return heard;
}

describe("scripted peer", () => {
  it("plays a conversation and keeps what it heard", async () => {
    await using peer = await scriptedPeer();
    const session = peer.session((s) =>
      s
        .greet("PIPELINING")
        .expectGroup("MAIL FROM:<a@x>", "RCPT TO:<b@x>", "DATA")
        .reply("250 2.1.0 ok", "250 2.1.5 ok", "354 go")
        .expectData()
        .reply("250 queued"),
    );
    const client = await dial(peer.port);
    expect(await hear(client, "220 peer ESMTP\r\n")).toBe("220 peer ESMTP\r\n");
    client.write("EHLO me\r\n");
    await hear(client, "250 PIPELINING\r\n");
    client.write("MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n");
    await hear(client, "354 go\r\n");
    client.write("..one\r\ntwo\r\n.\r\nQUIT\r\n");
    expect(await text(client)).toBe("250 queued\r\n221 2.0.0 bye\r\n");
    client.destroy();
    await peer.done();
    expect(session.received).toEqual(["EHLO me", "MAIL FROM:<a@x>", "RCPT TO:<b@x>", "DATA", "QUIT"]);
    expect(session.groups).toEqual([["EHLO me"], ["MAIL FROM:<a@x>", "RCPT TO:<b@x>", "DATA"], ["QUIT"]]);
    expect(session.messages.map(({ raw, content }) => [String(raw), String(content)])).toEqual([
      ["..one\r\ntwo\r\n.\r\n", ".one\r\ntwo\r\n"],
    ]);
  });
});
