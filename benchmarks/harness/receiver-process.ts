// An SMTP server in a process of its own that takes everything, one write for each read. Says where it listens, and
// what it has done whenever its parent asks: receiver-process.ts <pipelining|chunking> <plain|tls>
import type { Socket } from "node:net";
import { createServer } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { testCertificate } from "@postroad/testing/certificate";
import type { Counts } from "./discard.ts";
import { discard } from "./discard.ts";

const chunking = process.argv[2] === "chunking";
const counts: Counts = { messages: 0, bytes: 0 };

function serve(socket: Socket): void {
  const take = discard(counts, chunking);
  socket.on("data", (chunk) => {
    const replies = take(chunk);
    if (replies !== "") socket.write(replies, "latin1");
  });
  // A sender may leave without a word.
  socket.on("error", () => socket.destroy());
  socket.write("220 discard.example ESMTP\r\n");
}

const secure = process.argv[3] === "tls";
const server = secure ? createTlsServer({ ...testCertificate(), noDelay: true }, serve) : createServer({ noDelay: true }, serve);

server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object" && address !== null) process.send?.({ port: address.port });
});

process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ ...counts, cpu: (user + system) / 1e6, at: performance.now() / 1000 });
});
process.on("disconnect", () => process.exit());
