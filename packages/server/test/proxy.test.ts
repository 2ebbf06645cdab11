import fc from "fast-check";
import { fake } from "@postroad/testing/fake";
import { once } from "node:events";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { describe, expect, it } from "vitest";
import { createServer } from "../src/index.ts";
import type { Client } from "./client.ts";
import { dial } from "./client.ts";
import { authority, mx, submission, tls as certificate } from "./support.ts";

const proxies = ["127.0.0.0/8"];

/** Version 2: command, family and transport, addresses. */
function v2(command: number, family: number, addresses: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(addresses.byteLength);
  return Buffer.concat([Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1"), Buffer.of(command, family), length, addresses]);
}

const V4 = Buffer.of(192, 0, 2, 7, 127, 0, 0, 1, 0x12, 0x34, 0, 25);
const V6 = Buffer.concat([Buffer.from("20010db8000000000000000000000007", "hex"), Buffer.alloc(16), Buffer.of(0x12, 0x34, 0, 25)]);

async function through(header: string | Buffer, bytewise = false): Promise<{ client: string | undefined; said: string | undefined }> {
  await using running = await mx({ proxies, timeouts: { proxy: 300 } });
  await using client = await dial(running.port);
  if (bytewise) for (const octet of Buffer.from(header)) client.send(Buffer.of(octet));
  else client.send(header);
  const said = await client.reply();
  const opened = running.events.find(({ kind }) => kind === "opened");
  return { client: opened?.session.client, said };
}

describe("PROXY", () => {
  it.each<[string, string | Buffer, string]>([
    ["1, IPv4", "PROXY TCP4 192.0.2.7 127.0.0.1 4660 25\r\n", "192.0.2.7"],
    ["1, IPv6", "PROXY TCP6 2001:db8::7 ::1 4660 25\r\n", "2001:db8::7"],
    ["1, unknown", "PROXY UNKNOWN\r\n", "127.0.0.1"],
    ["2, IPv4", v2(0x21, 0x11, V4), "192.0.2.7"],
    ["2, IPv4 and more", v2(0x21, 0x11, Buffer.concat([V4, Buffer.alloc(60)])), "192.0.2.7"],
    ["2, IPv6", v2(0x21, 0x21, V6), "2001:db8::7"],
    ["2, for itself", v2(0x20, 0x00, Buffer.alloc(0)), "127.0.0.1"],
  ])("U33: version %s, whole and byte by byte", async (_, header, address) => {
    for (const bytewise of [false, true]) {
      expect(await through(header, bytewise)).toEqual({ client: address, said: "220 mx.example.org ESMTP Postroad" });
    }
  });

  it.each<[string, string | Buffer]>([
    ["none", "EHLO client.example\r\n"],
    ["no port", "PROXY TCP4 192.0.2.7 127.0.0.1\r\n"],
    ["another family", "PROXY TCP4 ::1 ::1 1 2\r\n"],
    ["a port that is none", "PROXY TCP4 192.0.2.7 127.0.0.1 99999 25\r\n"],
    ["one too long", `PROXY UNKNOWN ${"x".repeat(100)}\r\n`],
    ["one without end", `PROXY ${"x".repeat(200)}`],
    ["one that never comes", ""],
    ["half of one", v2(0x21, 0x11, V4).subarray(0, 20)],
    ["version 2 of another version", v2(0x31, 0x11, V4)],
    ["version 2 that is too long", v2(0x21, 0x11, Buffer.alloc(4000))],
  ])("U33: %s ends the connection without a word", async (_, header) => {
    expect(await through(header)).toEqual({ client: undefined, said: undefined });
  });

  it("U33: a handshake that comes in one piece with the header", async () => {
    const server = createServer({ mode: "mx", hostname: "mx.example.org", to: fake(), tls: certificate, recipient: () => true, proxies });
    await using _ = await server.listen({ port: 0, host: "127.0.0.1", implicitTls: true });
    const raw = connect(server.port, "127.0.0.1");
    await once(raw, "connect");
    raw.cork();
    raw.write("PROXY TCP4 192.0.2.7 127.0.0.1 4660 25\r\n");
    const socket = connectTls({ socket: raw, servername: "localhost", ca: authority.cert });
    setImmediate(() => raw.uncork());
    const [greeting] = await once(socket.setEncoding("utf8"), "data");
    expect(greeting).toBe("220 mx.example.org ESMTP Postroad\r\n");
    socket.destroy();
  });

  it("U33: from anybody else a header is no command", async () => {
    await using running = await mx({ proxies: ["192.0.2.1", "2001:db8::/32"] });
    await using client = await running.dial();
    expect(await client.say("PROXY TCP4 1.2.3.4 127.0.0.1 1 25")).toMatch(/^554 5\.5\.1 /);
    expect(await client.rest()).toBe("");
  });

  it("U33 U22: limits count by the address that the proxy names; TLS begins behind the header", async () => {
    await using running = await submission({ proxies, limits: { connectionsPerClient: 1 } });
    const { tls } = { tls: { ca: authority.cert } };
    const open = async (address: string): Promise<Client> => {
      const client = await dial(running.port);
      client.send(`PROXY TCP4 ${address} 127.0.0.1 1 25\r\n`);
      return client;
    };
    await using first = await open("192.0.2.1");
    await using other = await open("192.0.2.2");
    expect(await first.reply()).toMatch(/^220 /);
    expect(await other.reply()).toMatch(/^220 /);
    await using second = await open("192.0.2.1");
    expect(await second.reply()).toMatch(/^421 4\.7\.0 /);
    await first.say("EHLO client.example");
    await first.startTls(tls);
    expect(await first.say("EHLO client.example")).toContain("AUTH");
  });

  it("U33: whatever comes, the server goes on", async () => {
    await using running = await mx({ proxies, timeouts: { proxy: 50 } });
    const start = fc.constantFrom<Buffer>(Buffer.from("PROXY TCP4 "), Buffer.from("PROXY "), v2(0x21, 0x11, V4).subarray(0, 14), Buffer.alloc(0));
    await fc.assert(
      fc.asyncProperty(start, fc.uint8Array({ maxLength: 200 }), async (begin, rest) => {
        await using client = await dial(running.port);
        client.send(Buffer.concat([begin, rest]));
        client.socket.end();
        await client.rest();
      }),
      { numRuns: 60 },
    );
    await using client = await dial(running.port);
    client.send("PROXY TCP4 192.0.2.7 127.0.0.1 4660 25\r\n");
    expect(await client.reply()).toMatch(/^220 /);
  });
});
