import { testCertificate } from "@postroad/testing/certificate";
import { modelPeer } from "@postroad/testing/peer";
import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import type { Server, Socket } from "node:net";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { createServer as createTlsServer } from "node:tls";
import { describe, expect, it } from "vitest";
import { smtp } from "../src/index.ts";
import { expectCertainDeferral, first, kinds, mail, plain, portOf, thrownBy, until } from "./support.ts";

/** Lets every byte pass on to `port`, and sees who comes. */
async function bridge(port: number, where: { readonly host?: string; readonly path?: string }): Promise<{ readonly server: Server; readonly clients: readonly (string | undefined)[] } & AsyncDisposable> {
  const clients: (string | undefined)[] = [];
  const server = createServer((client) => {
    clients.push(client.remoteAddress);
    const target = connect(port, "127.0.0.1").on("error", () => client.destroy());
    client.on("error", () => target.destroy()).pipe(target).pipe(client);
  });
  server.listen(where.path === undefined ? { port: 0, ...where } : where);
  await once(server, "listening");
  return { server, clients, [Symbol.asyncDispose]: () => new Promise((resolve) => void server.close(() => resolve())) };
}

const hook = (): undefined => undefined;

describe("dial: the way to the server", () => {
  it("localAddress: the server sees it, and EHLO names it", async () => {
    await using peer = await modelPeer();
    await using seen = await bridge(peer.port, { host: "127.0.0.1" });
    await using transport = smtp({ host: "127.0.0.1", port: portOf(seen.server), security: "none", localAddress: "127.0.0.2", name: "[127.0.0.2]" });
    expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
    expect(seen.clients).toEqual(["127.0.0.2"]);
  });

  it("localAddress: one that is not ours fails at connect", async () => {
    await using transport = smtp({ host: "127.0.0.1", port: 9, security: "none", localAddress: "192.0.2.1" });
    expect(first(await transport.send(mail()))).toMatchObject({ kind: "deferred", status: "4.4.1", diagnosis: { phase: "connect", code: "EADDRNOTAVAIL" } });
  });

  it("socketPath: a Unix socket, in plain text by default", async () => {
    const directory = await mkdtemp(join(tmpdir(), "smtp-"));
    const socketPath = join(directory, "smtp");
    try {
      await using peer = await modelPeer();
      await using _ = await bridge(peer.port, { path: socketPath });
      await using transport = smtp({ socketPath });
      expect((await transport.send(mail())).outcomes).toMatchObject([{ kind: "accepted", remote: socketPath, by: `smtp:${socketPath}` }]);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  it("a host of several addresses is reached by the one that answers", async () => {
    const addresses = await lookup("localhost", { all: true });
    const own = addresses.at(-1)?.address ?? "127.0.0.1";
    await using peer = await modelPeer();
    await using seen = await bridge(peer.port, { host: own });
    await using transport = smtp({ host: "localhost", port: portOf(seen.server), security: "none" });
    expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
    expect(seen.clients).toHaveLength(1);
  });

  it("where none of them answers the first cause is named", async () => {
    await using peer = await modelPeer();
    const { port } = peer;
    await peer[Symbol.asyncDispose]();
    await using transport = smtp({ host: "localhost", port, security: "none" });
    expect(first(await transport.send(mail()))).toMatchObject({ kind: "deferred", status: "4.4.1", message: expect.stringContaining("ECONNREFUSED"), diagnosis: { code: "ECONNREFUSED" } });
  });

  it.each([
    [{ proxy: "http://p.example", socketPath: "/x" }, "socketPath"], [{ connect: hook, proxy: "http://p.example" }, "proxy"],
    [{ connect: hook, socketPath: "/x" }, "socketPath"], [{ localAddress: "127.0.0.1", socketPath: "/x" }, "localAddress"],
    [{ localAddress: "localhost" }, "localAddress"], [{ connect: "x" }, "connect"],
  ])("#73: %j: %s contradicts or is wrong", async (options, path) => {
    const given = Object.assign({ host: "x.example" }, options);
    expect(await thrownBy(() => Reflect.apply(smtp, undefined, [given]))).toMatchObject({ name: "ConfigError", issues: [{ path }] });
  });
});

describe("dial: a connect hook", () => {
  it("opens the connection, and is told where to; the rest stays ours", async () => {
    const certificate = testCertificate({ names: ["mail.example"] });
    await using peer = await modelPeer({ tls: certificate });
    const targets: unknown[] = [];
    await using transport = smtp({
      host: "mail.example", port: 587, tls: { ca: certificate.ca },
      async connect({ host, port, signal }) {
        targets.push([host, port, signal.aborted]);
        const socket = connect(peer.port, "127.0.0.1");
        await once(socket, "connect");
        return socket;
      },
    });
    expect((await transport.send(mail())).outcomes).toMatchObject([{ kind: "accepted", remote: "mail.example:587" }]);
    expect(peer.messages).toMatchObject([{ secure: true }]);
    expect(targets).toEqual([["mail.example", 587, false]]);
  });

  it.each([
    ["throws", () => { throw new Error("no tunnel"); }],
    ["rejects", () => Promise.reject(new Error("no tunnel"))],
    ["gives nothing", () => Promise.resolve(undefined)],
  ])("that %s defers, certain", async (_, opens) => {
    const options = Object.assign({ host: "mail.example", security: "none" } as const, { connect: opens });
    await using transport: Awaited<ReturnType<typeof smtp>> = Reflect.apply(smtp, undefined, [options]);
    const outcome = first(await transport.send(mail()));
    expectCertainDeferral(outcome);
    expect(outcome).toMatchObject({ status: "4.4.1", diagnosis: { phase: "connect" } });
  });

  it("whose sockets try several addresses: the first cause is named", async () => {
    const causes = [Object.assign(new Error("connect ECONNREFUSED ::1:9"), { code: "ECONNREFUSED" }), new Error("second")];
    await using transport = smtp({ host: "mail.example", security: "none", connect: () => Promise.reject(new AggregateError(causes)) });
    expect(first(await transport.send(mail()))).toMatchObject({ message: expect.stringContaining("ECONNREFUSED ::1:9"), diagnosis: { code: "ECONNREFUSED" } });
  });

  it("#34 C7: that never settles: an abort, timeouts.connect and disposal end the wait; a late socket is closed", async () => {
    let give: (socket: Socket) => void = () => undefined;
    const slow = (): Promise<Socket> => new Promise((resolve) => (give = resolve));
    const controller = new AbortController();
    await using transport = smtp({ host: "mail.example", security: "none", connect: slow });
    const sent = transport.send(mail(), { signal: controller.signal });
    controller.abort();
    expectCertainDeferral(first(await sent));
    await using peer = await modelPeer();
    const late = connect(peer.port, "127.0.0.1");
    await once(late, "connect");
    give(late);
    await until(() => late.destroyed);
    await using hasty = smtp({ host: "mail.example", security: "none", connect: slow, timeouts: { connect: 30 } });
    expect(first(await hasty.send(mail()))).toMatchObject({ kind: "deferred", status: "4.4.1", diagnosis: { phase: "connect" } });
  });
});

describe("dial: TLS sessions", () => {
  const certificate = testCertificate();

  it.each(["TLSv1.2", "TLSv1.3"] as const)("%s: the second connection resumes the session of the first", async (version) => {
    const resumed: boolean[] = [];
    await using peer = await modelPeer();
    const server = createTlsServer({ ...certificate, minVersion: version, maxVersion: version }, (client: TLSSocket) => {
      resumed.push(client.isSessionReused());
      const target = connect(peer.port, "127.0.0.1").on("error", () => client.destroy());
      client.on("error", () => target.destroy()).pipe(target).pipe(client);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      await using transport = smtp({ host: "localhost", port: portOf(server), security: "tls", tls: { ca: certificate.ca }, pool: { connections: 1, messages: 1 } });
      for (let index = 0; index < 3; index += 1) expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
      expect(resumed).toEqual([false, true, true]);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it("#24: a session of a certificate that was not verified does not come back as verified", async () => {
    const other = testCertificate({ names: ["other.example"] });
    await using peer = await modelPeer({ tls: other, extensions: ["PIPELINING", "REQUIRETLS"] });
    await using transport = smtp({ host: "localhost", port: peer.port, security: "opportunistic", tls: { ca: other.ca }, pool: { connections: 1, messages: 1 } });
    for (let index = 0; index < 3; index += 1) {
      expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
      expect(first(await transport.send(mail({ rest: { requireTls: true } })))).toMatchObject({ kind: "rejected", status: "5.7.30" });
    }
  });

  it("#75: nor does it open the way for the password", async () => {
    const other = testCertificate({ names: ["other.example"] });
    await using peer = await modelPeer({ tls: other, users: { ann: "secret" } });
    await using transport = smtp({ host: "localhost", port: peer.port, security: "opportunistic", tls: { ca: other.ca }, auth: { user: "ann", pass: "secret" } });
    for (let index = 0; index < 3; index += 1) expect(first(await transport.send(mail()))).toMatchObject({ kind: "deferred", status: "4.7.11" });
    expect(peer.transcripts.flat().some((line) => line.startsWith("C: AUTH"))).toBe(false);
  });
});

it("dial: a plain transport needs none of it", async () => {
  await using peer = await modelPeer();
  await using transport = plain(peer);
  expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
});
