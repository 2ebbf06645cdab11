// An SMTP server in a process of its own that takes everything, one write for each read. Says where it listens, and
// what it has done whenever its parent asks: receiver-process.ts [chunking]
import { createServer } from "node:net";
import type { Counts } from "./discard.ts";
import { discard } from "./discard.ts";

const chunking = process.argv[2] === "chunking";
const counts: Counts = { messages: 0, bytes: 0 };

const server = createServer({ noDelay: true }, (socket) => {
  const take = discard(counts, chunking);
  socket.on("data", (chunk) => {
    const replies = take(chunk);
    if (replies !== "") socket.write(replies, "latin1");
  });
  // A sender may leave without a word.
  socket.on("error", () => socket.destroy());
  socket.write("220 discard.example ESMTP\r\n");
});

server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object" && address !== null) process.send?.({ port: address.port });
});

process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ ...counts, cpu: (user + system) / 1e6, at: performance.now() / 1000 });
});
process.on("disconnect", () => process.exit());
