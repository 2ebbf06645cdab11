import { connect } from "node:net";
import { buffer } from "node:stream/consumers";
import type { User } from "./dovecot-config.ts";

/** The oldest mail in somebody's inbox, or in another mailbox by its name on the wire, byte for byte as a mail program gets it (RFC 9051). */
export async function fetchFirst(port: number, { name, password }: User, mailbox = "INBOX"): Promise<Buffer> {
  const login = Buffer.from(`\0${name}\0${password}`).toString("base64");
  const commands = [`AUTHENTICATE PLAIN ${login}`, `EXAMINE "${mailbox}"`, "FETCH 1 BODY.PEEK[]", "LOGOUT"];
  const socket = connect(port, "127.0.0.1");
  socket.write(commands.map((command, index) => `${index} ${command}\r\n`).join(""));
  const answer = await buffer(socket);
  const literal = /^\* 1 FETCH \(BODY\[\] \{(\d+)\}\r\n/m.exec(answer.toString("latin1"));
  if (literal === null) throw new Error(`no mail: ${answer.toString()}`);
  const start = literal.index + literal[0].length;
  return answer.subarray(start, start + Number(literal[1]));
}
