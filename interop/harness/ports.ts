import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

const ATTEMPTS = 3;
/** Below those that systems give to outgoing connections, which come and go while a server starts. */
const RANGE = [10_000, 32_768] as const;

/** Starts a server on ports of 127.0.0.1 that are free, and on others where somebody has got in between. */
export async function onFreePorts<T>(start: (freePort: () => Promise<number>) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const given = new Set<number>();
    try {
      return await start(() => freePort(given));
    } catch (error) {
      const taken = (await Promise.all([...given].map(isFree))).includes(false);
      if (!taken || attempt === ATTEMPTS) throw error;
    }
  }
}

async function freePort(given: Set<number>): Promise<number> {
  const port = randomInt(...RANGE);
  if (given.has(port) || !(await isFree(port))) return freePort(given);
  given.add(port);
  return port;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}
