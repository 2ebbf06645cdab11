import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";
import { prose } from "../harness/mails.ts";

/** One mail a session, all over a kept one, or that with MAIL, RCPT and DATA in one write. */
export type Kind = "single" | "kept" | "pipelined";

export function isKind(text: string | undefined): text is Kind {
  return text === "single" || text === "kept" || text === "pipelined";
}

/** Where the next mail comes from, and who is told that one was taken. */
export interface Supply {
  /** Is there one more? */
  next(): boolean;
  done(): void;
}

export interface Offer {
  readonly port: number;
  /** At once. */
  readonly sessions: number;
  readonly kind: Kind;
}

const MAIL = "MAIL FROM:<ann@example.net>\r\n";
const RCPT = "RCPT TO:<bob@example.org>\r\n";
const text = prose(1024).replaceAll("\n", "\r\n");
const message = Buffer.from(`From: ann@example.net\r\nTo: bob@example.org\r\nSubject: hello\r\n\r\n${text}.\r\n`);

/** Offers mails to the server on 127.0.0.1 as smtp-source does, until the supply ends. Throws at a refusal. */
export async function offer({ port, sessions, kind }: Offer, supply: Supply): Promise<void> {
  await Promise.all(Array.from({ length: sessions }, () => session(port, kind, supply)));
}

async function session(port: number, kind: Kind, supply: Supply): Promise<void> {
  for (let more = supply.next(); more; ) {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    const said = replies(socket);
    await said(1);
    socket.write("EHLO client.example\r\n");
    await said(1);
    do {
      await one(socket, said, kind);
      supply.done();
      more = supply.next();
    } while (more && kind !== "single");
    socket.end("QUIT\r\n");
    await once(socket, "close");
  }
}

async function one(socket: Socket, said: (count: number) => Promise<void>, kind: Kind): Promise<void> {
  for (const words of kind === "pipelined" ? [`${MAIL}${RCPT}DATA\r\n`] : [MAIL, RCPT, "DATA\r\n"]) {
    socket.write(words);
    await said(kind === "pipelined" ? 3 : 1);
  }
  socket.write(message);
  await said(1);
}

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
