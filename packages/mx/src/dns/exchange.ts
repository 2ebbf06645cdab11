import { createSocket } from "node:dgram";
import { connect, isIPv6 } from "node:net";

/** Where a name server listens. */
export interface Server {
  readonly address: string;
  readonly port: number;
}

/** Larger ones are fragmented on some paths; what does not fit comes by TCP (RFC 9715). */
export const UDP_SIZE = 1232;

/** Looks at a datagram: undefined where it answers something else. Throws where it is broken. */
export type Match<T> = (message: Buffer) => T | undefined;

/**
 * Sends a query by UDP from a port of its own, which nobody can guess (RFC 5452 §9.2), and waits for the datagram that
 * `match` takes. Rejects when the signal aborts or the server's host refuses.
 */
export function byUdp<T>(server: Server, query: Buffer, match: Match<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(server.address) ? "udp6" : "udp4");
    let settled = false;
    const settle = (act: () => void): void => {
      if (settled) return;
      settled = true;
      signal.removeEventListener("abort", onAbort);
      socket.removeAllListeners().on("error", () => undefined).close();
      act();
    };
    const fail = (error: unknown): void => settle(() => reject(error));
    const onAbort = (): void => fail(signal.reason);
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    socket.on("error", fail);
    socket.on("message", (message) => {
      try {
        const found = match(message);
        if (found !== undefined) settle(() => resolve(found));
      } catch {
        // Not even a message: whoever sent it, the answer may still come.
      }
    });
    // Connected, so that the kernel drops what comes from elsewhere and says when nobody listens.
    socket.connect(server.port, server.address, (error?: Error) => {
      if (error !== undefined && error !== null) fail(error);
      else if (!settled) socket.send(query);
    });
  });
}

/** The same by TCP (RFC 7766). */
export function byTcp<T>(server: Server, query: Buffer, match: Match<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: server.address, port: server.port });
    let bytes = Buffer.alloc(0);
    const settle = (act: () => void): void => {
      signal.removeEventListener("abort", onAbort);
      socket.removeAllListeners().on("error", () => undefined).destroy();
      act();
    };
    const fail = (error: unknown): void => settle(() => reject(error));
    const onAbort = (): void => fail(signal.reason);
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    socket.on("error", fail).on("close", () => fail(new Error("the server closed the connection")));
    socket.on("data", (chunk: Buffer) => {
      // A message has at most 65535 bytes, and a server sends one for one query.
      bytes = Buffer.concat([bytes, chunk]);
      const length = bytes.length < 2 ? Infinity : bytes.readUInt16BE(0);
      if (bytes.length < length + 2) return;
      try {
        const found = match(bytes.subarray(2, length + 2));
        if (found === undefined) fail(new Error("the server answered another question"));
        else settle(() => resolve(found));
      } catch (error) {
        fail(error);
      }
    });
    const prefix = Buffer.alloc(2);
    prefix.writeUInt16BE(query.length);
    socket.write(Buffer.concat([prefix, query]));
  });
}
