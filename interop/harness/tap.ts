import { once } from "node:events";
import type { Socket } from "node:net";
import { connect, createServer } from "node:net";

/** Stands between a client and a server on 127.0.0.1, and keeps what the client says. */
export interface Tap extends AsyncDisposable {
  readonly port: number;
  /** What came of the client in one read, in order. */
  readonly said: readonly string[];
}

export async function startTap(port: number): Promise<Tap> {
  const said: string[] = [];
  const open = new Set<Socket>();
  const tap = createServer({ noDelay: true }, (client) => {
    const server = connect({ port, host: "127.0.0.1", noDelay: true });
    client.on("data", (chunk: Buffer) => said.push(chunk.toString("latin1")));
    client.pipe(server).pipe(client);
    for (const socket of [client, server]) {
      open.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => open.delete(socket));
    }
  });
  await once(tap.listen(0, "127.0.0.1"), "listening");
  const address = tap.address();
  if (address === null || typeof address === "string") throw new Error("the tap has no port");
  return {
    port: address.port,
    said,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      tap.close();
      await once(tap, "close");
    },
  };
}
