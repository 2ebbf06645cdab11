// A proxy that keeps what a client says back for a round trip, and hands on replies at once: distance-process.ts <port> <ms>
import type { Socket } from "node:net";
import { connect, createServer } from "node:net";

const [port = 0, roundTrip = 0] = process.argv.slice(2).map(Number);

/** Timers of one duration fire in the order they were set, so bytes stay in order. */
function later(from: Socket, to: Socket, milliseconds: number): void {
  from.on("data", (chunk: Buffer) => setTimeout(() => to.writable && to.write(chunk), milliseconds));
  from.on("end", () => setTimeout(() => to.end(), milliseconds));
  from.on("error", () => to.destroy());
}

const server = createServer({ noDelay: true }, (client) => {
  const upstream = connect({ host: "127.0.0.1", port, noDelay: true });
  later(client, upstream, roundTrip);
  upstream.pipe(client);
  upstream.on("error", () => client.destroy());
});

server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object" && address !== null) process.send?.({ port: address.port });
});
process.on("disconnect", () => process.exit());
