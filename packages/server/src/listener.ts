import { once } from "node:events";
import type { Server } from "node:net";
import { createServer } from "node:net";
import type { Connection, Entrance } from "./connection.ts";
import { openConnection, turnAway, visitor } from "./connection.ts";
import { openWire } from "./wire.ts";

/** Where to listen. */
export interface Endpoint {
  /** 0 takes a free one. @default submission 587, mx 25, lmtp 24 */
  readonly port?: number;
  /** @default all addresses of this machine; for LMTP 127.0.0.1 */
  readonly host?: string;
  /** A Unix socket instead of host and port. */
  readonly path?: string;
  /** TLS from the first byte (RFC 8314 §3.3). @default true on port 465 */
  readonly implicitTls?: boolean;
}

export interface Listener {
  /** Undefined for a Unix socket. */
  readonly port: number | undefined;
  /** Accepts nothing more, and no further command of those who are there. */
  stop(): void;
  /** Closes what is still open. */
  destroy(): void;
  /** Settles when all connections are over. */
  over(): Promise<void>;
}

/** Starts listening; `open` holds the connections of all listeners of a server. Rejects with what node:net says, e.g. EADDRINUSE. */
export async function openListener(endpoint: Endpoint, entrance: Entrance, open: Set<Connection>): Promise<Listener> {
  const { connections: max } = entrance.services.settings.limits;
  const mine = new Set<Connection>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    if (open.size >= max) turnAway(openWire(socket), entrance.implicitTls, visitor(socket, entrance.services), entrance.services.settings.onEvent);
    else void keep(openConnection(socket, entrance));
  });

  async function keep(connection: Connection): Promise<void> {
    open.add(connection);
    mine.add(connection);
    await connection.over;
    open.delete(connection);
    mine.delete(connection);
  }

  const { path, port, host } = endpoint;
  server.listen(path === undefined ? { port, host } : { path });
  await once(server, "listening");
  // Later trouble is of single connections: the process has no descriptor left for them (EMFILE).
  server.on("error", () => undefined);
  return {
    port: portOf(server),
    stop() {
      server.close();
      for (const connection of mine) connection.stop();
    },
    destroy() {
      for (const connection of mine) connection.destroy();
    },
    async over() {
      await Promise.all([...mine].map((connection) => connection.over));
    },
  };
}

function portOf(server: Server): number | undefined {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : undefined;
}

