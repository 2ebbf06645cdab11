import { testCertificate } from "@postroad/testing/certificate";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { fake } from "@postroad/testing/fake";
import { once } from "node:events";
import { pbkdf2 } from "node:crypto";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { createServer } from "../src/index.ts";
import { dial } from "./client.ts";
import { ENVELOPE, MESSAGE, authority, loggedIn, mx, plainLogin, secured, submission, textOf, tls } from "./support.ts";

const inside = { ca: authority.cert };
const EHLO = "EHLO client.example";

describe("tls", () => {
  it("U3 U5: STARTTLS, EHLO again, a login, a mail with ESMTPSA", async () => {
    await using running = await submission();
    await using client = await running.dial();
    expect(await client.say(EHLO)).toContain("STARTTLS");
    expect(await client.say(EHLO)).not.toContain("AUTH");
    await client.startTls(inside);
    expect(await client.say("MAIL FROM:<ann@example.org>")).toMatch(/^503 5\.5\.1 say EHLO first/);
    const announced = await client.say(EHLO);
    expect(announced).toContain("AUTH PLAIN LOGIN");
    expect(announced).not.toContain("STARTTLS");
    expect(await client.say(plainLogin("ann@example.org", "s3cret"))).toBe("235 2.7.0 logged in");
    expect(await client.say("MAIL FROM:<ann@example.org>", "RCPT TO:<bob@elsewhere.example>", "DATA", `${MESSAGE}\r\n.`)).toMatch(/^250 2\.0\.0/);
    expect(running.to.calls[0]?.meta).toEqual({ user: "ann@example.org" });
    expect(textOf(running.to.calls[0]?.bytes)).toMatch(/\(using TLSv1\.3 with cipher TLS_\w+\)\r\n\tby mail\.example\.org \(Postroad\) with ESMTPSA id /);
  });

  it("U2: TLS from the first byte, with the same rules", async () => {
    const server = createServer({ to: fake(), tls, hostname: "mail.example.org", authenticate: async () => ({ user: "ann" }) });
    await using _ = await server.listen({ port: 0, host: "127.0.0.1", implicitTls: true });
    await using client = await dial(server.port, { tls: inside });
    expect(await client.reply()).toBe("220 mail.example.org ESMTP Postroad");
    const announced = await client.say(EHLO);
    expect(announced).toContain("AUTH PLAIN LOGIN");
    expect(announced).not.toContain("STARTTLS");
    expect(await client.say("MAIL FROM:<ann@example.org>")).toMatch(/^530 5\.7\.0 /);
    expect(await client.say("STARTTLS")).toMatch(/^503 5\.5\.1 TLS is on already/);
  });

  it.each(["from the first byte", "by STARTTLS"])("U2 U3: a client that ends its half after the dot hears what became of its mail, TLS %s", async (how) => {
    const to = fake();
    to.hold();
    const options = { ...inside, allowHalfOpen: true };
    const server = createServer({ mode: "mx", to, tls, hostname: "mx.example.org", recipient: () => true });
    await using _ = await server.listen({ port: 0, host: "127.0.0.1", implicitTls: how === "from the first byte" });
    await using client = await dial(server.port, how === "by STARTTLS" ? {} : { tls: options });
    await client.reply();
    if (how === "by STARTTLS") {
      await client.say(EHLO);
      await client.startTls(options);
    }
    await client.say(...ENVELOPE, "DATA");
    const ended = once(client.socket, "finish");
    client.socket.end(`${MESSAGE}\r\n.\r\n`);
    await ended;
    while (to.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    // The end comes before the reply is written.
    await new Promise((resolve) => setTimeout(resolve, 50));
    to.release();
    expect(await client.rest()).toMatch(/^250 2\.0\.0 /);
    expect(to.calls).toHaveLength(1);
  });

  it("U3 #44: AUTH before TLS is a 538, and nobody is asked about the password", async () => {
    let asked = 0;
    await using running = await submission({ authenticate: async () => ((asked += 1), { user: "ann" }) });
    await using client = await running.dial();
    expect(await client.say(EHLO, plainLogin("ann", "s3cret"))).toMatch(/^538 5\.7\.11 /);
    expect(asked).toBe(0);
  });

  it("U4 #38: STARTTLS with an argument is a 501, a second one a 503, without a certificate a 502", async () => {
    await using running = await submission();
    await using client = await running.dial();
    expect(await client.say(EHLO, "STARTTLS now")).toMatch(/^501 5\.5\.4 /);
    await using other = await secured(running);
    expect(await other.say("STARTTLS")).toMatch(/^503 5\.5\.1 /);
    await using bare = await mx();
    await using third = await bare.dial();
    expect(await third.say(EHLO, "STARTTLS")).toMatch(/^502 5\.5\.1 /);
  });

  it("U4 #38: commands in the segment of STARTTLS end the connection and are never carried out", async () => {
    await using running = await mx({ tls });
    for (const injected of ["NOOP\r\n", "N", "\r\n", "EHLO evil.example\r\nMAIL FROM:<evil@x.example>\r\n"]) {
      await using client = await running.dial();
      await client.say(EHLO);
      client.send(`STARTTLS\r\n${injected}`);
      expect(await client.rest()).toMatch(/^554 5\.5\.0 /);
    }
  });

  it("U4 #38: plaintext that comes after the 220, at whatever time, is no command inside TLS", async () => {
    await using running = await mx({ tls });
    for (const split of [0, 1, 3, 6]) {
      await using client = await running.dial();
      await client.say(EHLO, "STARTTLS");
      client.send("NOOP\r\n".slice(0, split));
      await new Promise(setImmediate);
      client.send("NOOP\r\n".slice(split));
      expect(await client.rest()).not.toContain("250");
    }
    expect(running.events.filter(({ kind }) => kind === "mail")).toEqual([]);
  });

  it("U5: what was said before TLS is forgotten", async () => {
    await using running = await mx({ tls });
    await using client = await running.dial();
    await client.say(EHLO, "MAIL FROM:<a@x.example>", "RCPT TO:<ann@example.org>");
    await client.startTls(inside);
    expect(await client.say("DATA")).toMatch(/^503 5\.5\.1 /);
    expect(await client.say("MAIL FROM:<a@x.example>")).toMatch(/^503 5\.5\.1 say EHLO first/);
  });

  it("U35: nothing below TLS 1.2", async () => {
    await using running = await submission();
    await using client = await running.dial();
    await client.say(EHLO);
    await expect(client.startTls({ ...inside, maxVersion: "TLSv1.1", minVersion: "TLSv1", ciphers: "DEFAULT@SECLEVEL=0" })).rejects.toThrow(/alert|version|closed|reset|disconnected/i);
    expect((await running.event("closed")).reason).not.toBe("");
  });

  it("U35: a client that negotiates again is refused", async () => {
    await using running = await submission();
    await using client = await running.dial();
    await client.say(EHLO);
    await client.startTls({ ...inside, maxVersion: "TLSv1.2" });
    const { socket } = client;
    if (!("renegotiate" in socket) || typeof socket.renegotiate !== "function") throw new Error("no TLS socket");
    const refused = new Promise((resolve) => socket.once("error", resolve));
    socket.renegotiate({}, (error: unknown) => error === null && socket.emit("error", new Error("it was let")));
    expect(String(await refused)).toMatch(/no_renegotiation|NO_RENEGOTIATION|no renegotiation/i);
  });

  it("U35: a session ticket of one listener is nothing to another", async () => {
    const server = createServer({ to: fake(), tls, authenticate: async () => undefined });
    const place = { port: 0, host: "127.0.0.1", implicitTls: true };
    await using _ = await server.listen(place, place);
    const [first = 0, second = 0] = server.ports;
    const base = { host: "127.0.0.1", servername: "localhost", ca: authority.cert };
    const opening = connectTls({ ...base, port: first }).resume();
    const [session] = await once(opening, "session");
    opening.destroy();
    const reused = await Promise.all(
      [first, second].map(async (port) => {
        const socket = connectTls({ ...base, port, session });
        await once(socket, "secureConnect");
        const isReused = socket.isSessionReused();
        socket.destroy();
        return isReused;
      }),
    );
    expect(reused).toEqual([true, false]);
  });

  it("#42: a handshake that does not go on ends in time, and others are served meanwhile", async () => {
    await using running = await submission({ timeouts: { tls: 200, loginDelay: 0 } });
    await using stuck = await running.dial();
    await stuck.say(EHLO, "STARTTLS");
    await using client = await loggedIn(running);
    expect(await client.say("NOOP")).toBe("250 2.0.0 ok");
    await stuck.rest();
    expect((await running.event("closed")).reason).toMatch(/timeout/i);
  });

  it("a certificate can be renewed while the server runs", async () => {
    await using running = await submission();
    const renewed = testCertificate({ names: ["localhost"] });
    running.server.renewTls({ key: renewed.key, cert: renewed.cert });
    await using client = await running.dial();
    await client.say(EHLO);
    await client.startTls({ ca: renewed.ca });
    expect(await client.say(EHLO)).toMatch(/^250/);
    expect(() => running.server.renewTls({ key: renewed.key, cert: tls.cert })).toThrow(/key/i);
  });

  it("a client that leaves in the handshake leaves nothing behind", async () => {
    const server = createServer({ to: fake(), tls, authenticate: async () => undefined });
    await using _ = await server.listen({ port: 0, host: "127.0.0.1", implicitTls: true });
    const socket = connect({ port: server.port, host: "127.0.0.1" });
    await once(socket, "connect");
    socket.destroy();
    await server[Symbol.asyncDispose]();
    expect(server.connections).toBe(0);
  });

  it("U4 #38: what comes while chunks are let go of is not heard as if TLS had protected it", async () => {
    await using running = await mx({ tls, spool: { memory: 0 } });
    await using client = await running.dial();
    await client.say(EHLO, "MAIL FROM:<>", "RCPT TO:<ann@example.org>");
    const chunk = `\r\n${`${"x".repeat(98)}\r\n`.repeat(1000)}`;
    client.send(`BDAT ${chunk.length}\r\n${chunk}`);
    expect(await client.reply()).toMatch(/^250 /);
    // The file is closed behind these: more comes before it is.
    const busy = Promise.all(Array.from({ length: 4 }, () => promisify(pbkdf2)("", "", 100_000, 32, "sha512")));
    client.send("STARTTLS\r\n");
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    client.send(`${EHLO}\r\n`);
    const said = await client.rest();
    expect(said).toMatch(/^(?:554 5\.5\.0 |220 2\.0\.0 go ahead\r\n(?!\d))/);
    expect(running.events.some(({ session }) => session.tls !== undefined)).toBe(false);
    await busy;
  });

  it("U35: handshakes over a Unix socket, several at once", async () => {
    const path = `/tmp/postroad-tls-${process.pid}-${Math.trunc(performance.now() * 1000)}.sock`;
    await using _ = await createServer({ mode: "lmtp", to: fake(), tls }).listen({ path });
    await using stack = new AsyncDisposableStack();
    const clients = await Promise.all(Array.from({ length: 4 }, async () => stack.use(await dial(0, { path }))));
    for (const client of clients) {
      await client.reply();
      expect(await client.say("LHLO client.example")).toContain("STARTTLS");
    }
    await Promise.all(clients.map((client) => client.startTls(inside)));
    for (const client of clients) expect(await client.say("LHLO client.example")).toContain("PIPELINING");
  });
});
