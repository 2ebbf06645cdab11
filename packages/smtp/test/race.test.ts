import type { Server } from "node:net";
import { Socket, connect, createServer } from "node:net";
import { once } from "node:events";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { interleaved, race } from "../src/race.ts";
import { portOf, thrownBy, until } from "./support.ts";

const never = new AbortController().signal;

async function listener(): Promise<{ readonly port: number; readonly server: Server } & AsyncDisposable> {
  const clients = new Set<Socket>();
  const server = createServer((client) => clients.add(client.on("error", () => undefined))).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    server,
    port: portOf(server),
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Sockets by the name of an address: "silent" never gets an answer, "closed" is refused, a number is a port that listens. */
function sockets(closed: number): { readonly open: (address: string) => Socket; readonly opened: Map<string, Socket> } {
  const opened = new Map<string, Socket>();
  const open = (address: string): Socket => {
    const socket = address.startsWith("silent") ? new Socket() : connect(address.startsWith("closed") ? closed : Number(address), "127.0.0.1");
    opened.set(address, socket);
    return socket;
  };
  return { open, opened };
}

async function closedPort(): Promise<number> {
  await using gone = await listener();
  return gone.port;
}

describe("race: happy eyeballs (RFC 8305)", () => {
  it("an address that does not answer is not given up when the next has its turn", async () => {
    await using server = await listener();
    const { opened } = sockets(0);
    const slow = new Socket();
    // The first one connects only when the second is under way already, and still wins.
    const open = (address: string): Socket => {
      if (address === "second") slow.connect(server.port, "127.0.0.1");
      const socket = address === "first" ? slow : new Socket();
      opened.set(address, socket);
      return socket;
    };
    const won = await race(["first", "second"], open, never, 1);
    expect(won).toBe(slow);
    expect([won.destroyed, opened.get("second")?.destroyed]).toEqual([false, true]);
    won.destroy();
  });

  it("the next address has its turn after the delay, and at once where the last was refused", async () => {
    await using server = await listener();
    const { open, opened } = sockets(await closedPort());
    const won = await race(["silent", "closed", String(server.port), "unused"], open, never, 20);
    expect([...opened.keys()]).toEqual(["silent", "closed", String(server.port)]);
    expect(opened.get("silent")?.destroyed).toBe(true);
    won.destroy();
    const hasty = await race(["closed", String(server.port)], open, never, 2_147_483_647);
    hasty.destroy();
  });

  it("a winner has no listeners of the race left, and is open", async () => {
    await using server = await listener();
    const won = await race([String(server.port)], sockets(0).open, never);
    expect([won.listenerCount("error"), won.listenerCount("connect"), won.destroyed]).toEqual([0, 0, false]);
    won.destroy();
  });

  it("where all are refused the first reason counts", async () => {
    const { open, opened } = sockets(await closedPort());
    expect(await thrownBy(race(["closed 1", "closed 2", "closed 3"], open, never, 1))).toMatchObject({ code: "ECONNREFUSED" });
    expect(opened.size).toBe(3);
  });

  it("waits for the others where one is refused late", async () => {
    const { open, opened } = sockets(await closedPort());
    const stop = new AbortController();
    const racing = race(["silent", "closed"], open, stop.signal, 1);
    await until(() => opened.get("closed")?.destroyed === true);
    stop.abort(new Error("enough"));
    expect((await thrownBy(racing)).message).toBe("enough");
  });

  it("#34: an abort destroys all that are trying, and starts no further", async () => {
    const { open, opened } = sockets(0);
    const stop = new AbortController();
    const racing = race(["silent 1", "silent 2", "silent 3"], open, stop.signal, 1);
    await until(() => opened.size === 2);
    stop.abort(new Error("enough"));
    expect((await thrownBy(racing)).message).toBe("enough");
    expect([...opened.values()].map(({ destroyed }) => destroyed)).toEqual([true, true]);
    expect((await thrownBy(race(["silent 4"], open, stop.signal))).message).toBe("enough");
    expect(opened.has("silent 4")).toBe(false);
  });

  it("families come in turn, the preferred one first, in order, each address once", () => {
    expect(interleaved(["::1", "::2", "::1", "::3", "127.0.0.1", "127.0.0.2"])).toEqual(["::1", "127.0.0.1", "::2", "127.0.0.2", "::3"]);
    const any = fc.array(fc.oneof(fc.ipV4(), fc.ipV6()));
    fc.assert(
      fc.property(any, (addresses) => {
        const order = interleaved(addresses);
        expect([...order].toSorted()).toEqual([...new Set(addresses)].toSorted());
        expect(order[0]).toBe(addresses[0]);
      }),
    );
  });
});
