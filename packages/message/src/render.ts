import { Buffer } from "node:buffer";
import type { Content, Fields } from "@postroad/core";
import { headerKind, isTraceField } from "./extra-headers.ts";
import { field, fieldOfTokens } from "./fold.ts";
import { addressField, listIdField } from "./header-address.ts";
import { textField } from "./header-text.ts";
import type { Piece } from "./output.ts";
import { contentOfPieces } from "./output.ts";
import { parseAddresses } from "./address.ts";
import { isAscii } from "./body.ts";
import { writeBody } from "./structure.ts";

/**
 * The bytes of a mail (RFC 5322, RFC 2045): a pure function of its fields. Everything that is not printable ASCII is
 * encoded, whatever the fields hold, but for local parts beyond ASCII, which are UTF-8 (RFC 6532).
 */
export function render(fields: Fields): Content {
  const header = `${headerOf(fields)}MIME-Version: 1.0\r\n`;
  const pieces: Piece[] = [isAscii(header) ? header : Buffer.from(header)];
  writeBody(fields, pieces);
  return contentOfPieces(pieces);
}

function headerOf(fields: Fields): string {
  let trace = "";
  let further = "";
  for (const [name, value] of fields.headers) {
    if (isTraceField(name)) trace += extraField(name, value);
    else further += extraField(name, value);
  }
  return trace + addressFields(fields) + threadFields(fields) + further;
}

function addressFields({ from, sender, replyTo, to, cc }: Fields): string {
  return (
    addressField("From", from) +
    (sender === undefined ? "" : addressField("Sender", [sender])) +
    (replyTo.length === 0 ? "" : addressField("Reply-To", replyTo)) +
    (to.length === 0 ? "" : addressField("To", to)) +
    (cc.length === 0 ? "" : addressField("Cc", cc)) +
    (to.length === 0 && cc.length === 0 ? "To: undisclosed-recipients:;\r\n" : "")
  );
}

function threadFields({ subject, date, messageId, inReplyTo, references }: Fields): string {
  return (
    (subject === "" ? "" : textField("Subject", subject)) +
    `Date: ${dateTime(date)}\r\n` +
    field("Message-ID", messageId) +
    (inReplyTo === undefined ? "" : field("In-Reply-To", inReplyTo)) +
    (references.length === 0 ? "" : fieldOfTokens("References", references))
  );
}

let lastSecond = { second: Number.NaN, text: "" };

/** RFC 5322 §3.3, with the zone in digits. Mail is made by the thousand in a second: the last result is kept. */
function dateTime(date: Date): string {
  const second = Math.floor(date.getTime() / 1000);
  if (second !== lastSecond.second) lastSecond = { second, text: date.toUTCString().replace("GMT", "+0000") };
  return lastSecond.text;
}

function extraField(name: string, value: string): string {
  const kind = headerKind(name);
  if (kind === "text") return textField(name, value);
  if (kind === "addresses") return addressField(name, parseAddresses(value, name));
  return kind === "list-id" ? listIdField(value) : field(name, value);
}
