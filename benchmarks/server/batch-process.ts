// Offers as many mails as its parent says, each time it says so: batch-process.ts <port> <sessions>
import { tell } from "../harness/worker.ts";
import { offer } from "./client.ts";

const [port, sessions] = process.argv.slice(2).map(Number);
if (port === undefined || sessions === undefined) throw new Error("it takes a port and a number of sessions");

async function batch(count: number): Promise<void> {
  let left = count;
  await offer({ port: port ?? 0, sessions: sessions ?? 0, kind: "kept" }, { next: () => (left -= 1) >= 0, done: () => undefined });
  tell({ messages: count });
}

process.on("message", (count) => void batch(Number(count)));
process.on("disconnect", () => process.exit());
