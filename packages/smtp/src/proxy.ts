import { request } from "node:http";
import type { Socket } from "node:net";
import { Refusal } from "@postroad/core";

/** A socket to `host:port` through a SOCKS5 proxy (RFC 1928) or HTTP CONNECT (RFC 9110 §9.3.6). */
export function connectThrough(proxy: URL, host: string, port: number, signal: AbortSignal): Promise<Socket> {
  return proxy.protocol === "http:" ? throughHttp(proxy, host, port, signal) : throughSocks(proxy, host, port, signal);
}

function throughHttp(proxy: URL, host: string, port: number, signal: AbortSignal): Promise<Socket> {
  const target = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const { user, pass } = credentials(proxy);
  return new Promise((resolve, reject) => {
    const ask = request({
      method: "CONNECT",
      host: bare(proxy.hostname),
      port: proxy.port === "" ? 80 : Number(proxy.port),
      path: target,
      headers: { host: target },
      agent: false,
      signal,
      ...(user !== "" && { auth: `${user}:${pass}` }),
    });
    ask.once("connect", (response, socket: Socket, head: Buffer) => {
      if (response.statusCode !== 200) {
        socket.destroy();
        return reject(new Refusal("4.4.1", `the proxy answered ${response.statusCode ?? 0}`, advice(response.statusCode)));
      }
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    ask.once("response", (response) => {
      response.resume();
      reject(new Refusal("4.4.1", `the proxy answered ${response.statusCode ?? 0}`, advice(response.statusCode)));
    });
    ask.once("error", reject);
    ask.end();
  });
}

async function throughSocks(proxy: URL, host: string, port: number, signal: AbortSignal): Promise<Socket> {
  const { SocksClient } = await import("socks").catch((cause: unknown) => {
    throw new Refusal("4.3.5", "a SOCKS proxy needs the package socks", { phase: "connect", advice: "npm install socks", cause });
  });
  const { user, pass } = credentials(proxy);
  const client = new SocksClient({
    command: "connect",
    destination: { host, port },
    proxy: {
      host: bare(proxy.hostname),
      port: proxy.port === "" ? 1080 : Number(proxy.port),
      type: 5,
      ...(user !== "" && { userId: user, password: pass }),
    },
  });
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
    signal.addEventListener("abort", abort, { once: true });
    client.once("established", ({ socket }) => {
      signal.removeEventListener("abort", abort);
      if (signal.aborted) socket.destroy();
      resolve(socket);
    });
    client.once("error", reject);
    client.connect();
  });
}

function credentials(proxy: URL): { readonly user: string; readonly pass: string } {
  return { user: decodeURIComponent(proxy.username), pass: decodeURIComponent(proxy.password) };
}

function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, "");
}

function advice(status: number | undefined): { readonly phase: string; readonly advice?: string } {
  if (status === 407) return { phase: "connect", advice: "The proxy wants a login: give it in the URL." };
  return status === 403 ? { phase: "connect", advice: "The proxy does not allow CONNECT to this port." } : { phase: "connect" };
}
