import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import type { Server, Socket } from "node:net";
import { connect, createServer } from "node:net";
import { portOf } from "./support.ts";

/** A proxy on 127.0.0.1. */
export interface Proxy extends AsyncDisposable {
  readonly port: number;
  /** `host:port` of each connection it was asked for. */
  readonly asked: readonly string[];
  readonly sockets: ReadonlySet<Socket>;
}

export interface ProxyOptions {
  readonly user?: string;
  readonly pass?: string;
  /** In place of what was asked for, since names of tests lead nowhere. */
  readonly to: { readonly port: number };
  /** `refuse` says no; `hang` never answers. */
  readonly mood?: "refuse" | "hang" | "junk";
}

/** HTTP CONNECT (RFC 9110 §9.3.6). */
export async function httpProxy({ user, pass = "", to, mood }: ProxyOptions): Promise<Proxy> {
  const asked: string[] = [];
  const server = createHttpServer();
  server.on("connect", ({ url = "", headers }, client: Socket, head: Buffer) => {
    asked.push(url);
    const wanted = `Basic ${Buffer.from(`${user}:${pass}`).toString("base64")}`;
    const known = user === undefined || headers["proxy-authorization"] === wanted;
    if (mood === "hang") client.on("error", () => undefined).on("end", () => client.destroy()).resume();
    else if (mood === "junk") client.end("250 hello\r\n");
    else if (mood === "refuse") client.end("HTTP/1.1 403 Forbidden\r\n\r\n");
    else if (!known) client.end("HTTP/1.1 407 Who?\r\n\r\n");
    else {
      client.write("HTTP/1.1 200 OK\r\n\r\n");
      join(client, head, to.port);
    }
  });
  return running(server, asked);
}

/** SOCKS5 (RFC 1928) with names, and a login (RFC 1929). */
export async function socksProxy({ user, pass = "", to, mood }: ProxyOptions): Promise<Proxy> {
  const asked: string[] = [];
  const server = createServer((client) => void serve(client).catch(() => client.destroy()));

  async function serve(client: Socket): Promise<void> {
    const read = reader(client.on("error", () => undefined));
    const [, count = 0] = await read(2);
    const methods = await read(count);
    if (mood === "hang") return;
    if (mood === "junk") return void client.end("HTTP/1.1 400 Bad Request\r\n\r\n");
    const method = user === undefined ? 0 : 2;
    if (!methods.includes(method)) return void client.end(Buffer.of(5, 0xff));
    client.write(Buffer.of(5, method));
    if (user !== undefined) {
      const given = [await read((await read(2))[1] ?? 0), await read((await read(1))[0] ?? 0)].map(String);
      const right = given[0] === user && given[1] === pass;
      client.write(Buffer.of(1, right ? 0 : 1));
      if (!right) return void client.end();
    }
    const [, , , type] = await read(4);
    const host = type === 3 ? (await read((await read(1))[0] ?? 0)).toString() : [...(await read(4))].join(".");
    asked.push(`${host}:${(await read(2)).readUInt16BE()}`);
    client.write(Buffer.of(5, mood === "refuse" ? 2 : 0, 0, 1, 127, 0, 0, 1, 0, 0));
    if (mood === "refuse") return void client.end();
    join(client, await read(0), to.port);
  }
  return running(server, asked);
}

function reader(socket: Socket): (count: number) => Promise<Buffer> {
  return async (count) => {
    if (count === 0) return Buffer.alloc(0);
    for (let bytes: unknown = socket.read(count); ; bytes = socket.read(count)) {
      if (Buffer.isBuffer(bytes)) return bytes;
      if (socket.readableEnded) throw new Error("gone");
      await Promise.race([once(socket, "readable"), once(socket, "close")]);
    }
  };
}

function join(client: Socket, head: Buffer, port: number): void {
  const target = connect(port, "127.0.0.1").on("error", () => client.destroy());
  target.write(head);
  client.on("error", () => target.destroy()).pipe(target).pipe(client);
}

async function running(server: Server, asked: readonly string[]): Promise<Proxy> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: portOf(server),
    asked,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
