import type { Server, Socket } from "node:net";
import { createServer } from "node:net";

/** Where a peer listens. */
export interface ListenOptions {
  /** Address to listen on, such as another of 127.0.0.0/8. @default "127.0.0.1" */
  readonly host?: string;
  /** @default a port of its own */
  readonly port?: number;
}

/** A TCP server on 127.0.0.1, on a port of its own, that knows its sockets. */
export interface Listener {
  readonly host: string;
  readonly port: number;
  readonly sockets: ReadonlySet<Socket>;
  /** Destroys every socket and stops listening. */
  close(): Promise<void>;
}

/** A socket's half stays open when the client has closed its own. */
export async function listen(welcome: (socket: Socket) => void, { host = "127.0.0.1", port = 0 }: ListenOptions = {}): Promise<Listener> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).once("close", () => sockets.delete(socket));
    welcome(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(port, host, resolve);
  });
  return {
    host,
    port: portOf(server),
    sockets,
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** The port that a server of TCP listens on. */
export function portOf(server: Server): number {
  const address = server.address();
  if (typeof address === "object" && address !== null) return address.port;
  throw new Error("the server does not listen on TCP");
}
