import type { Address, Group } from "@postroad/core";
import { Refusal } from "@postroad/core";
import type { RawField, RawHeader } from "@postroad/message";
import { MessageError, fieldValue, parseAddresses, readHeader } from "@postroad/message";

/** RFC 5321 §6.3: a mail that has come round so often goes in circles. */
export function refuseLoop(head: Buffer, max: number): void {
  // The shortest such field is "Received:" and its line's end.
  if (head.byteLength <= max * 11) return;
  const hops = head.toString("latin1").match(/^Received[ \t]*:/gim)?.length ?? 0;
  if (hops > max) throw new Refusal("5.4.6", `the mail goes in circles: it has passed ${hops} servers`);
}

/** The header of a message, for whoever has to understand it. */
export interface Header extends RawHeader {
  readonly bytes: Buffer;
  /** Fields of this name, in any case. */
  named(name: string): readonly RawField[];
  /** All addresses in the fields of this name. */
  addresses(name: string): readonly string[];
}

/** Throws a Refusal, 5.6.0, for a header that can be read in two ways, or not at all. */
export function headerOf(bytes: Buffer): Header {
  const header = understood(() => readHeader(bytes, { maxHeaderSize: bytes.byteLength + 2 }));
  const named = (name: string): readonly RawField[] => header.fields.filter((field) => field.name.toLowerCase() === name);
  return {
    ...header,
    bytes,
    named,
    addresses: (name) =>
      named(name).flatMap((field) => understood(() => parseAddresses(fieldValue(bytes, field), field.name)).flatMap(mailboxes)),
  };
}

function mailboxes(entry: Address | Group): readonly string[] {
  return "members" in entry ? entry.members.map(({ address }) => address) : [entry.address];
}

function understood<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof MessageError) throw new Refusal("5.6.0", error.message, { cause: error });
    throw error;
  }
}

/** The header without these fields. */
export function without({ bytes }: Header, fields: readonly RawField[]): Buffer {
  if (fields.length === 0) return bytes;
  const kept: Buffer[] = [];
  let at = 0;
  for (const { start, end } of fields.toSorted((a, b) => a.start - b.start)) {
    kept.push(bytes.subarray(at, start));
    at = end;
  }
  return Buffer.concat([...kept, bytes.subarray(at)]);
}
