import type { Mail, Outcome } from "@postroad/core";
import { contentOf, readAll } from "@postroad/core";
import type { SmtpOptions, SmtpTransport } from "@postroad/smtp";
import { smtp } from "@postroad/smtp";
import { createHash } from "node:crypto";
import type { Arrival } from "./maildir.ts";
import { bytesOf, mailOf } from "./mails.ts";

/** To a server of the tests in plain text, over one connection unless told otherwise. */
export function plainly(port: number, options: Partial<SmtpOptions> = {}): SmtpTransport {
  return smtp({ host: "127.0.0.1", port, security: "none", pool: 1, deadline: 40_000, ...options });
}

/** So many mails, none like another, each for whom `to` names. */
export function letters(count: number, to: (index: number) => readonly string[]): readonly Mail[] {
  return Array.from({ length: count }, (_, index) =>
    mailOf({ to: to(index), content: contentOf(bytesOf(`${index}`, `.${index}\r\n`.repeat(1 + ((index * 37) % 500)))) }),
  );
}

/** All at once. */
export async function sendAll(transport: SmtpTransport, mails: readonly Mail[]): Promise<readonly (readonly Outcome[])[]> {
  const receipts = await Promise.all(mails.map((mail) => transport.send(mail)));
  return receipts.map(({ outcomes }) => outcomes);
}

/** What was sent and what has arrived, to be compared whatever the order. */
export async function hashesOf(mails: readonly Mail[]): Promise<readonly string[]> {
  return (await Promise.all(mails.map(async ({ content }) => hash(await readAll(content))))).toSorted();
}

export function hashesOfArrived(arrivals: readonly Arrival[]): readonly string[] {
  return arrivals.map(({ content }) => hash(content)).toSorted();
}

function hash(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
