import type { IncomingMessage } from "node:http";
import { request } from "node:http";
import type { Socket } from "node:net";
import { MAX_TIMER, Refusal } from "@postroad/core";
import { codeOf } from "./failure.ts";
import type { Resolved } from "./options.ts";
import { connectFirst } from "./race.ts";

/** Where to, from which address of ours. */
type Target = Pick<Resolved, "host" | "port" | "localAddress">;

/** A socket to `target` through a SOCKS5 proxy (RFC 1928) or HTTP CONNECT (RFC 9110 §9.3.6). */
export async function connectThrough(proxy: URL, target: Target, signal: AbortSignal): Promise<Socket> {
  const http = proxy.protocol === "http:";
  const socket = await reach(proxy, http ? 80 : 1080, target, signal);
  const abort = (): void => void socket.destroy();
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await (http ? askHttp(proxy, socket, target) : askSocks(proxy, socket, target));
  } catch (error) {
    socket.on("error", () => undefined).destroy();
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

async function reach(proxy: URL, usualPort: number, { localAddress }: Target, signal: AbortSignal): Promise<Socket> {
  const host = proxy.hostname.replace(/^\[|\]$/g, "");
  const port = proxy.port === "" ? usualPort : Number(proxy.port);
  try {
    return await connectFirst({ host, port, localAddress }, signal);
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw refusal(proxy, "the proxy cannot be reached", "Check host and port of the proxy.", cause);
  }
}

function askHttp(proxy: URL, socket: Socket, { host, port }: Target): Promise<Socket> {
  const authority = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const { user, pass } = credentials(proxy);
  const login = Buffer.from(`${user}:${pass}`).toString("base64");
  const ask = request({
    method: "CONNECT",
    path: authority,
    headers: { host: authority, ...(user !== "" && { "proxy-authorization": `Basic ${login}` }) },
    createConnection: () => socket,
  });
  return new Promise((resolve, reject) => {
    ask.once("connect", ({ statusCode = 0 }: IncomingMessage, _: Socket, head: Buffer) => {
      if (statusCode < 200 || statusCode > 299) return reject(notAllowed(proxy, statusCode));
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    ask.on("error", (cause) => reject(refusal(proxy, "the proxy gave no answer to CONNECT", "It may not be an HTTP proxy.", cause)));
    ask.end();
  });
}

function notAllowed(proxy: URL, status: number): Refusal {
  const advice = status === 407 ? "The proxy wants a login, or another one: give it in its URL." : NOT_ALLOWED;
  return refusal(proxy, `the proxy answered CONNECT with ${status}`, advice);
}

const NOT_ALLOWED = "The proxy may not allow connections to this host and port.";

async function askSocks(proxy: URL, socket: Socket, { host, port }: Target): Promise<Socket> {
  const { SocksClient } = await import("socks").catch((cause: unknown) => {
    throw new Refusal("4.3.5", "a SOCKS proxy needs the package socks", { phase: "connect", advice: "npm install socks", cause });
  });
  const { user, pass } = credentials(proxy);
  const client = new SocksClient({
    command: "connect",
    destination: { host, port },
    proxy: { host: proxy.hostname, port: 1080, type: 5, ...(user !== "" && { userId: user, password: pass }) },
    timeout: MAX_TIMER,
  });
  const advice = user === "" ? `${NOT_ALLOWED} Or it wants a login: give it in its URL.` : `${NOT_ALLOWED} Or the login in its URL is wrong.`;
  return new Promise((resolve, reject) => {
    client.once("established", () => resolve(socket));
    // The error itself holds the password.
    client.once("error", ({ message }) => reject(refusal(proxy, `the proxy did not connect us: ${message}`, advice)));
    client.connect(socket);
  });
}

function credentials({ username, password }: URL): { readonly user: string; readonly pass: string } {
  return { user: decodeURIComponent(username), pass: decodeURIComponent(password) };
}

function refusal(proxy: URL, message: string, advice: string, cause?: unknown): Refusal {
  const code = codeOf(cause);
  const given = { ...(code !== undefined && { code }), ...(cause !== undefined && { cause }) };
  return new Refusal("4.4.1", message, { phase: "connect", remote: proxy.host, advice, ...given });
}
