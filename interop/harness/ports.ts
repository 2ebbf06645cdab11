import { once } from "node:events";
import { createServer } from "node:net";

const ATTEMPTS = 3;

/** Somebody else got a port between our look at it and the server's start. */
export class PortTaken extends Error {}

/** Starts a server on ports of 127.0.0.1 that are free now, and on others where one of them gets lost on the way. */
export async function onFreePorts<T>(start: (freePort: () => Promise<number>) => Promise<T>): Promise<T> {
  const given = new Set<number>();
  async function freePort(): Promise<number> {
    const port = await anyPort();
    if (given.has(port)) return freePort();
    given.add(port);
    return port;
  }
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(freePort);
    } catch (error) {
      if (!(error instanceof PortTaken) || attempt === ATTEMPTS) throw error;
    }
  }
}

async function anyPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("a server on a port has no port");
  return address.port;
}
