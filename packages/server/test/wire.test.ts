import { once } from "node:events";
import type { Socket } from "node:net";
import { connect, createServer } from "node:net";
import { describe, expect, it } from "vitest";
import type { Wanted, Wire } from "../src/wire.ts";
import type { Line } from "../src/input.ts";
import { openWire } from "../src/wire.ts";

/** A client, and the wire to it; what either sends stays in the other's way until it is read. */
async function connected(): Promise<AsyncDisposable & { readonly client: Socket; readonly wire: Wire }> {
  const server = createServer({ allowHalfOpen: true });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  const accepted = once(server, "connection");
  const client = connect({ port: address.port, host: "127.0.0.1", allowHalfOpen: true });
  const [socket]: Socket[] = await accepted;
  if (socket === undefined) throw new Error("nobody came");
  return {
    client,
    wire: openWire(socket),
    async [Symbol.asyncDispose]() {
      client.destroy();
      socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

const line: Wanted<Line> = (input) => input.line(100);

/** More than all buffers on the way take in. */
const FLOOD = "x".repeat(32 * 1024 * 1024);

describe("wire", () => {
  it("#41: a client that ends its half while replies wait for it is heard out first", async () => {
    await using pair = await connected();
    const { client, wire } = pair;
    wire.write(FLOOD);
    wire.flush();
    client.end("QUIT\r\n");
    const waiting = wire.next(line, 10_000);
    // The end of its half is known before anything is read.
    await new Promise((resolve) => setTimeout(resolve, 50));
    client.resume();
    expect(await waiting).toBe("QUIT");
    expect(await wire.next(line, 10_000)).toEqual({ silence: "end" });
  });

  it("U21: who says a little now and then, and reads nothing, has no more patience of us than others", async () => {
    await using pair = await connected();
    const { client, wire } = pair;
    wire.write(FLOOD);
    const timer = setInterval(() => client.write("x"), 10);
    expect(await wire.next((input) => input.take(), 150)).toEqual({ silence: "timeout" });
    clearInterval(timer);
  });
});
