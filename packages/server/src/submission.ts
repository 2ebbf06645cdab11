import { Refusal } from "@postroad/core";
import { fieldValue } from "@postroad/message";
import type { Settings } from "./options.ts";
import type { Header } from "./header.ts";
import { headerOf, without } from "./header.ts";
import { dateTime } from "./received.ts";
import type { Login, Session } from "./types.ts";

/**
 * What a server owes its own users (RFC 6409 §6, §8): nobody writes in another's name, blind copies stay blind, and what
 * every mail must have is there. Gives the header as it travels on; throws a Refusal.
 */
export async function submitted(head: Buffer, session: Session, settings: Settings, id: string): Promise<Buffer> {
  const header = headerOf(head);
  await expectOwn(header, session, settings);
  const now = new Date(settings.clock());
  const added = [
    ...missing(header, "Date", () => dateTime(now)),
    ...missing(header, "Message-ID", () => `<${id}@${settings.hostname}>`),
  ];
  const rest = without(header, [...header.named("bcc"), ...header.named("resent-bcc")]);
  return added.length === 0 ? rest : Buffer.concat([Buffer.from(added.join("")), rest]);
}

/** One From, and it and Sender are addresses that this login may use: a reader goes by them, not by the envelope. */
async function expectOwn(header: Header, session: Session, { sender }: Settings): Promise<void> {
  const { length: authors } = header.named("from");
  if (authors === 0) throw new Refusal("5.6.0", "the message has no From (RFC 5322 §3.6.2)");
  if (authors > 1 || header.named("sender").length > 1) throw new Refusal("5.7.1", "the message has two fields From or Sender");
  const { login } = session;
  if (sender === undefined || login === undefined) return;
  // A group may have no members (RFC 6854): its name alone would be anybody's.
  if (header.addresses("from").length === 0) throw new Refusal("5.7.1", "the field From names nobody");
  for (const name of ["from", "sender"]) await expectAddresses(header, name, (address) => sender(address, login, session), login);
}

async function expectAddresses(header: Header, name: string, may: (address: string) => boolean | Promise<boolean>, { user }: Login): Promise<void> {
  for (const address of header.addresses(name)) {
    if (!(await may(address))) throw new Refusal("5.7.1", `${user} may not send as ${address}`);
  }
}

/** A field that is not there, unless somebody has signed that it is not (RFC 6376 §5.4.2). */
function missing(header: Header, name: string, value: () => string): readonly string[] {
  if (header.named(name.toLowerCase()).length > 0) return [];
  return signedNames(header).has(name.toLowerCase()) ? [] : [`${name}: ${value()}\r\n`];
}

function signedNames(header: Header): ReadonlySet<string> {
  const lists = header.named("dkim-signature").map((field) => /(?:^|;)\s*h\s*=([^;]*)/i.exec(fieldValue(header.bytes, field))?.[1] ?? "");
  return new Set(lists.flatMap((list) => list.split(":").map((name) => name.trim().toLowerCase())));
}
