import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";
import type { ConnectionOptions } from "node:tls";
import { connect as connectTls } from "node:tls";

/** A plain socket that a test drives by hand. */
export interface Client extends Disposable {
  readonly socket: Socket;
  /** Everything heard since the last look. */
  heard: string;
  /** One entry per read of the socket. */
  readonly reads: readonly string[];
  /** "end" when the other side has sent its FIN, or the code of what broke the connection. */
  readonly over: Promise<string>;
  say(text: string): void;
  /** Waits until what was heard ends like this, gives all of it and forgets it. */
  hear(end: string): Promise<string>;
  /** Waits for the end of the connection and gives all that was heard till then. */
  rest(): Promise<string>;
  /** Goes on under TLS. */
  secure(options: ConnectionOptions): Promise<Client>;
}

export async function dial(port: number): Promise<Client> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  return drive(socket);
}

export async function dialTls(port: number, options: ConnectionOptions): Promise<Client> {
  const socket = connectTls({ port, host: "127.0.0.1", servername: "localhost", ...options });
  await once(socket, "secureConnect");
  return drive(socket);
}

function drive(socket: Socket): Client {
  const reads: string[] = [];
  let wake: (() => void) | undefined;
  const onData = (chunk: Buffer): void => {
    reads.push(chunk.toString());
    client.heard += chunk.toString();
    wake?.();
  };
  socket.on("data", onData);
  const over = new Promise<string>((resolve) => {
    socket.once("end", () => resolve("end"));
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
  const client: Client = {
    socket,
    heard: "",
    reads,
    over,
    say: (text) => void socket.write(text),
    async hear(end) {
      while (!client.heard.endsWith(end)) {
        await Promise.race([
          new Promise<void>((resolve) => (wake = resolve)),
          over.then(() => Promise.reject(lost(end))),
        ]);
      }
      const all = client.heard;
      client.heard = "";
      return all;
    },
    async rest() {
      await over;
      return client.heard;
    },
    async secure(options) {
      socket.off("data", onData);
      const secured = connectTls({ socket, servername: "localhost", ...options });
      await once(secured, "secureConnect");
      return drive(secured);
    },
    [Symbol.dispose]: () => void socket.destroy(),
  };
  const lost = (end: string): Error =>
    new Error(`over before ${JSON.stringify(end)}, after ${JSON.stringify(client.heard)}`);
  return client;
}
