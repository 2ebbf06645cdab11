import { ascii } from "./text.ts";
import type { OpenTransaction } from "./transaction.ts";
import type { Session } from "./types.ts";

/**
 * The trace field that every server adds in front (RFC 5321 §4.4). Whatever a client chose stands in it as printable
 * ASCII without what has a meaning there. `for` names the recipient only where there is no other to be told of them.
 */
export function receivedField({ session, recipients, smtputf8 }: OpenTransaction, hostname: string, id: string, extended: boolean, now: Date): string {
  const { tls } = session;
  const [only, second] = recipients;
  const from = `Received: from ${word(session.hello ?? "unknown")}${addressOf(session)}\r\n`;
  const using = tls === undefined ? "" : `\t(using ${word(tls.protocol)} with cipher ${word(tls.cipher)})\r\n`;
  const by = `\tby ${hostname} (Postroad) with ${protocolOf(session, extended, smtputf8)} id ${id}`;
  const to = only === undefined || second !== undefined || !/^[!-~]+$/.test(only.address) ? "" : `\r\n\tfor <${only.address}>`;
  return `${from}${using}${by}${to};\r\n\t${dateTime(now)}\r\n`;
}

/** The name of RFC 3848, or RFC 6531 §4.3, for how the mail came. */
export function protocolOf({ mode, tls, login }: Session, extended: boolean, smtputf8: boolean): string {
  const secured = `${tls === undefined ? "" : "S"}${login === undefined ? "" : "A"}`;
  if (mode === "lmtp") return `${smtputf8 ? "UTF8" : ""}LMTP${secured}`;
  if (!extended) return "SMTP";
  return `${smtputf8 ? "UTF8" : "E"}SMTP${secured}`;
}

/** RFC 5322 §3.3, in UTC. */
export function dateTime(now: Date): string {
  const second = Math.floor(now.getTime() / 1000);
  if (second !== written.second) written = { second, text: now.toUTCString().replace("GMT", "+0000") };
  return written.text;
}

/** The last second that was put into words: a busy server asks for the same many times. */
let written = { second: NaN, text: "" };

function addressOf({ client }: Session): string {
  if (client === "") return "";
  return ` ([${client.includes(":") ? `IPv6:${client}` : client}])`;
}

const PLAIN = /^[\w.:[\]-]{0,255}$/;

/** No white space, no parentheses, no semicolon: nothing that ends the clause or begins a comment. */
function word(text: string): string {
  return PLAIN.test(text) ? text : ascii(text, 255).replaceAll(/[^!#-'*+\-./0-:=?A-Z[\]^_`a-z{|}~]/g, "?");
}
