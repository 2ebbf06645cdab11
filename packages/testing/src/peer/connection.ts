import type { Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import type { TLSSocket, TlsOptions } from "node:tls";
import { createServer } from "node:tls";
import type { Inbox } from "./inbox.ts";
import { inbox } from "./inbox.ts";

/** What a handshake agreed on. */
export interface TlsFacts {
  /** E.g. `TLSv1.3`. */
  readonly protocol: string | null;
  /** The name the client asked for (SNI, RFC 6066 §3); undefined where it named none. */
  readonly servername: string | undefined;
}

/** The server's end of one TCP connection, in the clear and after a handshake. */
export interface Connection {
  readonly inbox: Inbox;
  readonly tls: TlsFacts | undefined;
  /** Settles when the socket is closed on both sides. */
  readonly closed: Promise<void>;
  /** Resolves when the bytes are with the kernel, or the connection is gone. False where they cannot arrive. */
  write(bytes: Buffer): Promise<boolean>;
  /** Continues under TLS; rejects where the handshake fails. */
  upgrade(options: TlsOptions): Promise<void>;
  /** Stops reading the socket, so that the client's writes back up; `resume` reads on. */
  pause(): void;
  resume(): void;
  /** Sends a FIN; the client may go on sending. */
  end(): void;
  /** Sends a RST. */
  reset(): void;
  destroy(): void;
}

const HIGH_WATER = 1 << 20;

/** `onRead` sees all bytes, decrypted, when they are taken out of the inbox. */
export function connection(raw: Socket, onRead: (bytes: Buffer) => void = () => undefined): Connection {
  let socket: Socket | TLSSocket = raw;
  let tls: TlsFacts | undefined;
  let held = false;
  const box = inbox((bytes) => {
    onRead(bytes);
    if (!held && socket.isPaused() && box.size < HIGH_WATER) socket.resume();
  });

  function receive(chunk: Buffer): void {
    box.push(chunk);
    if (box.size >= HIGH_WATER) socket.pause();
  }
  const end = (): void => box.close("end");
  const lost = (): void => box.close("reset");

  function attach(to: Socket): void {
    socket = to;
    socket.on("data", receive).on("end", end).on("error", lost).on("close", lost);
  }

  function detach(): void {
    socket.off("data", receive).off("end", end).off("close", lost).pause();
    if (box.size > 0) socket.unshift(box.recall());
  }

  raw.setNoDelay(true);
  attach(raw);
  return {
    inbox: box,
    closed: new Promise((resolve) => raw.once("close", () => resolve())),
    get tls() {
      return tls;
    },
    async write(bytes) {
      if (!socket.writable) return false;
      return new Promise((resolve) => socket.write(bytes, (error) => resolve(!error)));
    },
    async upgrade(options) {
      detach();
      try {
        const secured = await handshake(raw, options);
        tls = { protocol: secured.getProtocol(), servername: secured.servername || undefined };
        secured.allowHalfOpen = true;
        attach(secured);
      } catch (error) {
        lost();
        throw error;
      }
    },
    pause() {
      held = true;
      socket.pause();
    },
    resume() {
      held = false;
      socket.resume();
    },
    end: () => void socket.end(),
    reset: () => void raw.resetAndDestroy(),
    destroy: () => void raw.destroy(),
  };
}

/** A tls.Server takes over a socket that is handed to it as a connection (node:tls, Event: 'connection'). */
function handshake(raw: Socket, options: TlsOptions): Promise<TLSSocket> {
  const server = createServer(options);
  raw.allowHalfOpen = false; // else a client that leaves in the middle would never be noticed
  return new Promise((resolve, reject) => {
    server.once("secureConnection", resolve).once("tlsClientError", reject).emit("connection", raw);
  });
}

/** Lets everything else in this process run, reads of sockets included, so that a client sees what was written. */
export async function yieldToOthers(): Promise<void> {
  for (let round = 0; round < 3; round += 1) await turn();
}
