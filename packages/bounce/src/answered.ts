import { fieldValue, MessageError, readHeader } from "@postroad/message";
import { field } from "./text.ts";

const LIST_FIELD = /^list-(?:id|unsubscribe|post|help)$/;

/** Was the mail sent by a program to many, or as an answer of one (RFC 3834 §2)? */
export function isAutomatic(header: Uint8Array): boolean {
  return valuesOf(header).some(([name, value]) => {
    if (name === "auto-submitted") return !/^no\b/i.test(value);
    return name === "precedence" ? /^(?:bulk|list|junk)\b/i.test(value) : LIST_FIELD.test(name);
  });
}

/** Puts the report into the thread of the mail, where that has a Message-ID (RFC 5322 §3.6.4). */
export function threadFields(header: Uint8Array): string {
  const [, id = ""] = valuesOf(header).find(([name]) => name === "message-id") ?? [];
  return /^<[!-;=?-~]{1,200}>$/.test(id) ? field("In-Reply-To", id) + field("References", id) : "";
}

/** Names in lower case. Of a header that is none nothing is known. */
function valuesOf(header: Uint8Array): readonly (readonly [name: string, value: string])[] {
  try {
    return readHeader(header).fields.map((each) => [each.name.toLowerCase(), fieldValue(header, each)] as const);
  } catch (error) {
    if (error instanceof MessageError) return [];
    throw error;
  }
}
