import { once } from "node:events";
import type { Socket } from "node:net";
import { connect, isIP } from "node:net";
import type { TLSSocket } from "node:tls";
import { connect as connectTls } from "node:tls";
import type { Scene } from "./failure.ts";
import { lost } from "./failure.ts";
import type { Resolved } from "./options.ts";

/** `host:port`, an IPv6 address in brackets. */
export function remoteOf({ host, port }: Resolved): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** A TCP connection; IPv6 and IPv4 addresses are raced (RFC 8305). Throws a Refusal. */
export async function dial(options: Resolved, signal: AbortSignal): Promise<Socket> {
  const { host, port, timeouts } = options;
  const socket = connect({ host, port, noDelay: true, keepAlive: true });
  await ready(socket, "connect", timeouts.connect, signal, { remote: remoteOf(options), phase: "connect" });
  return socket;
}

/** TLS over a connection, certificate and name verified unless `options` names the risk. Throws a Refusal. */
export async function secure(plain: Socket, options: Resolved, signal: AbortSignal): Promise<TLSSocket> {
  const { host, tls, timeouts, security, insecureAcceptAnyCertificate } = options;
  const socket = connectTls({
    minVersion: "TLSv1.2",
    ...(isIP(host) === 0 && { servername: host }),
    ...tls,
    host,
    socket: plain,
    rejectUnauthorized: security !== "opportunistic" && !insecureAcceptAnyCertificate,
  });
  await ready(socket, "secureConnect", timeouts.tls, signal, { remote: remoteOf(options), phase: "tls" });
  return socket;
}

async function ready(socket: Socket, event: string, timeout: number, signal: AbortSignal, scene: Scene): Promise<void> {
  const limit = AbortSignal.timeout(timeout);
  try {
    await once(socket, event, { signal: AbortSignal.any([signal, limit]) });
  } catch (error) {
    socket.on("error", () => undefined).destroy();
    if (signal.aborted) throw lost("4.3.2", "aborted while connecting", scene);
    if (limit.aborted) throw lost("4.4.1", `no answer within ${timeout} ms`, scene);
    throw lost(scene.phase === "tls" ? "4.7.5" : "4.4.1", `cannot connect: ${textOf(error)}`, scene, causeOf(error));
  }
}

/** With several addresses Node throws an AggregateError whose own text is empty. */
function causeOf(error: unknown): unknown {
  return error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error;
}

function textOf(error: unknown): string {
  const cause = causeOf(error);
  return cause instanceof Error ? cause.message : String(cause);
}
