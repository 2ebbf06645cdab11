import type { Socket } from "node:net";
import { connect, isIP } from "node:net";
import type { TLSSocket } from "node:tls";
import { connect as connectTls } from "node:tls";
import { Refusal } from "@postroad/core";
import type { Scene } from "./failure.ts";
import { lost } from "./failure.ts";
import type { Resolved } from "./options.ts";
import { connectThrough } from "./proxy.ts";
import { connectFirst } from "./race.ts";
import { connectPlain } from "./reading.ts";
import { inTime, untilReady } from "./wait.ts";

/** `host:port`, an IPv6 address in brackets; or the path of a Unix socket. */
export function remoteOf({ host, port, socketPath }: Resolved): string {
  if (socketPath !== undefined) return socketPath;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** A connection, to whichever address of the host answers first. Throws a Refusal. */
export function dial(options: Resolved, signal: AbortSignal): Promise<Socket> {
  const scene: Scene = { remote: remoteOf(options), phase: "connect" };
  return within(options.timeouts.connect, signal, scene, async (limit) => {
    const socket = await openSocket(options, limit);
    return socket.setNoDelay(true).setKeepAlive(true, 60_000);
  });
}

function openSocket(options: Resolved, signal: AbortSignal): Promise<Socket> {
  const { host, port, socketPath, proxy } = options;
  if (options.connect !== undefined) return inTime(options.connect({ host, port, signal }), signal);
  if (proxy !== undefined) return connectThrough(new URL(proxy), options, signal);
  const open = options.security === "none" ? connectPlain : connect;
  return socketPath === undefined ? connectFirst(options, signal, open) : untilReady(open({ path: socketPath }), "connect", signal);
}

/** What a server gave us to resume its TLS sessions with, so that the next handshake is shorter. */
const tickets = new WeakMap<Resolved, Buffer>();

/** A connection under TLS. */
export interface Secured {
  readonly socket: TLSSocket;
  /** The certificate proves who the server is. */
  readonly verified: boolean;
}

/** TLS over a connection, certificate and name verified unless `options` names the risk. Throws a Refusal. */
export function secure(plain: Socket, options: Resolved, signal: AbortSignal): Promise<Secured> {
  const scene: Scene = { remote: remoteOf(options), phase: "tls" };
  return within(options.timeouts.tls, signal, scene, async (limit) => {
    try {
      const socket = await untilReady(handshake(plain, options), "secureConnect", limit);
      return { socket, verified: options.verify?.(socket) ?? socket.authorized };
    } catch (error) {
      tickets.delete(options);
      plain.destroy();
      throw error;
    }
  });
}

function handshake(plain: Socket, options: Resolved): TLSSocket {
  const { host, tls, security, verify, insecureAcceptAnyCertificate } = options;
  const session = tickets.get(options);
  const socket = connectTls({
    minVersion: "TLSv1.2",
    ...(isIP(host) === 0 && { servername: host }),
    ...(session !== undefined && { session }),
    ...tls,
    host,
    socket: plain,
    rejectUnauthorized: verify === undefined && security !== "opportunistic" && !insecureAcceptAnyCertificate,
  });
  return socket.on("session", (ticket: Buffer) => {
    if (mayResume(socket, options)) tickets.set(options, ticket);
  });
}

/**
 * Nobody looks at the name again when a session is resumed; so only one that was verified may be. And with TLS 1.2
 * nothing of it is left to tie a login to (RFC 5929 §3). Nor is the chain that `verify` may want to see.
 */
function mayResume(socket: TLSSocket, { auth, verify }: Resolved): boolean {
  const binds = auth !== undefined && "pass" in auth;
  return verify === undefined && socket.authorized && (!binds || socket.getProtocol() === "TLSv1.3");
}

/** Runs a step with a limit of time; whatever it throws becomes a Refusal. */
async function within<T>(timeout: number, signal: AbortSignal, scene: Scene, step: (limit: AbortSignal) => Promise<T>): Promise<T> {
  const limit = AbortSignal.timeout(timeout);
  try {
    return await step(AbortSignal.any([signal, limit]));
  } catch (error) {
    if (error instanceof Refusal) throw error;
    if (signal.aborted) throw lost("4.3.2", "aborted while connecting", scene);
    if (limit.aborted) throw lost("4.4.1", `no answer within ${timeout} ms`, scene);
    throw lost(scene.phase === "tls" ? "4.7.5" : "4.4.1", `cannot connect: ${textOf(error)}`, scene, causeOf(error));
  }
}

/** With several addresses Node throws an AggregateError whose own text is empty: a `connect` hook may hand it on. */
function causeOf(error: unknown): unknown {
  return error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error;
}

function textOf(error: unknown): string {
  const cause = causeOf(error);
  return cause instanceof Error ? cause.message : String(cause);
}
