import type { Socket } from "node:net";
import { createServer } from "node:net";

/** When the line drops, seen from the reply to the final dot. The message has been taken in every case. */
export const MOMENTS = ["before the reply", "in the middle of the reply", "after the reply"] as const;
export type Moment = (typeof MOMENTS)[number];

/** A server that takes whole messages, and a line that drops every time. */
export interface DroppingServer extends AsyncDisposable {
  readonly port: number;
  /** Message-IDs of the messages taken, one for each copy. */
  readonly copies: readonly string[];
}

export async function droppingServer(moment: Moment): Promise<DroppingServer> {
  const copies: string[] = [];
  const server = createServer((socket) => converse(socket, moment, copies));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return {
    port: address.port,
    copies,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** Plain SMTP (RFC 5321), one command after the other, pipelined or not. */
function converse(socket: Socket, moment: Moment, copies: string[]): void {
  let input = "";
  let inData = false;
  socket.on("error", () => undefined);
  socket.write("220 dropping.example ESMTP\r\n");
  socket.on("data", (bytes: Buffer) => {
    input += bytes.toString("latin1");
    for (let end = nextEnd(input, inData); end !== -1 && !socket.destroyed; end = nextEnd(input, inData)) {
      const unit = input.slice(0, end);
      input = input.slice(end);
      if (inData) {
        copies.push(/^Message-ID:\s*(\S+)/im.exec(unit)?.[1] ?? "none");
        return drop(socket, moment);
      }
      inData = unit === "DATA\r\n";
      socket.write(replyTo(unit));
    }
  });
}

function nextEnd(input: string, inData: boolean): number {
  const mark = inData ? "\r\n.\r\n" : "\r\n";
  const at = input.indexOf(mark);
  return at === -1 ? -1 : at + mark.length;
}

function replyTo(line: string): string {
  if (/^EHLO/i.test(line)) return "250-dropping.example\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES\r\n";
  if (/^DATA/i.test(line)) return "354 go ahead\r\n";
  return /^QUIT/i.test(line) ? "221 2.0.0 bye\r\n" : "250 2.0.0 ok\r\n";
}

function drop(socket: Socket, moment: Moment): void {
  if (moment === "before the reply") socket.resetAndDestroy();
  else if (moment === "in the middle of the reply") socket.write("250 2.0", () => socket.resetAndDestroy());
  else socket.write("250 2.0.0 queued\r\n", () => socket.end());
}
