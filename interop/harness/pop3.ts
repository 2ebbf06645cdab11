import { connect } from "node:net";
import { buffer } from "node:stream/consumers";
import type { User } from "./dovecot-config.ts";

/** The oldest mail in somebody's mailbox, byte for byte as a mail program gets it (RFC 1939). */
export async function retrieveFirst(port: number, { name, password }: User): Promise<Buffer> {
  const socket = connect(port, "127.0.0.1");
  const login = Buffer.from(`\0${name}\0${password}`).toString("base64");
  socket.write([`AUTH PLAIN ${login}`, "RETR 1", "QUIT"].map((command) => `${command}\r\n`).join(""));
  const answer = (await buffer(socket)).toString("latin1");
  const [, text] = /^\+OK \d+ octets\r\n([^]*?\r\n)\.\r\n/m.exec(answer) ?? [];
  if (text === undefined) throw new Error(`no mail: ${answer}`);
  return Buffer.from(text.replaceAll(/(?<=^|\r\n)\./g, ""), "latin1");
}
