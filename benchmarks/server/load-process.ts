// Offers mail over as many sessions at once as told: load-process.ts <port> <sessions> <single|kept|pipelined>
import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";
import { prose } from "../harness/mails.ts";
import type { Load } from "../harness/measure.ts";
import { measure } from "../harness/measure.ts";
import { tell } from "../harness/worker.ts";

const [port, sessions, kind] = process.argv.slice(2);
const MAIL = "MAIL FROM:<ann@example.net>\r\n";
const RCPT = "RCPT TO:<bob@example.org>\r\n";
const text = prose(1024).replaceAll("\n", "\r\n");
const message = Buffer.from(`From: ann@example.net\r\nTo: bob@example.org\r\nSubject: hello\r\n\r\n${text}.\r\n`);

/** Resolves when so many replies have come; a reply ends in a line with a space behind its code. */
function replies(socket: Socket): (count: number) => Promise<void> {
  let open = 0;
  let partial = "";
  let wake: (() => void) | undefined;
  socket.on("data", (chunk: Buffer) => {
    const lines = (partial + chunk.toString("latin1")).split("\r\n");
    partial = lines.pop() ?? "";
    for (const line of lines) {
      if (!/^[23]/.test(line)) throw new Error(`refused: ${line}`);
      if (line[3] === " ") open -= 1;
    }
    if (open <= 0) wake?.();
  });
  return async (count) => {
    open += count;
    if (open > 0) await new Promise<void>((resolve) => (wake = resolve));
  };
}

async function offer(load: Load): Promise<void> {
  for (let more = true; more; ) {
    const socket = connect({ port: Number(port), host: "127.0.0.1", noDelay: true });
    const said = replies(socket);
    await said(1);
    socket.write("EHLO client.example\r\n");
    await said(1);
    do {
      more = load.next() !== undefined;
      if (more) await one(socket, said, load);
    } while (more && kind !== "single");
    socket.end("QUIT\r\n");
    await once(socket, "close");
  }
}

async function one(socket: Socket, said: (count: number) => Promise<void>, load: Load): Promise<void> {
  for (const words of kind === "pipelined" ? [`${MAIL}${RCPT}DATA\r\n`] : [MAIL, RCPT, "DATA\r\n"]) {
    socket.write(words);
    await said(kind === "pipelined" ? 3 : 1);
  }
  socket.write(message);
  await said(1);
  load.done();
}

const times = { warmUp: { cpu: 2000, clock: 8000 }, window: { cpu: 1500, clock: 6000 } };
tell(await measure(async (load) => void (await Promise.all(Array.from({ length: Number(sessions) }, () => offer(load)))), times, tell));
process.disconnect();
