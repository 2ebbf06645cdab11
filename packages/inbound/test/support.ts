import type { Mail } from "@postroad/core";
import { contentOf, envelope } from "@postroad/core";
import type { Policy, Session, Transaction } from "@postroad/server";
import { createServer } from "@postroad/server";
import type { Fake } from "@postroad/testing/fake";
import { fake } from "@postroad/testing/fake";
import { smtp } from "@postroad/smtp";

export const TO = "ann@example.org";

export function session(client: string, hello: string = "mail.sender.example"): Session {
  return { id: "1", mode: "mx", client, port: 4660, hello, tls: undefined, login: undefined };
}

export function transaction(client: string, from: string = "bob@sender.example"): Transaction {
  return { session: session(client), from, recipients: [{ address: TO }], smtputf8: false };
}

export function mail(text: string, from: string = "bob@sender.example"): Mail {
  return { id: "m1", envelope: envelope(from, [TO]), content: contentOf(Buffer.from(text)), meta: {} };
}

/** What an MX with these policies hands on, and what a client hears that comes through a PROXY from this address. */
export async function through(policies: readonly Policy[], letter: Mail): Promise<{ readonly reply: string | undefined; readonly to: Fake }> {
  const to = fake();
  await using server = await createServer({ mode: "mx", to, recipient: () => true, policies, hostname: "mx.example.org" }).listen({ port: 0, host: "127.0.0.1" });
  await using client = smtp({ host: "127.0.0.1", port: server.port, security: "none", name: "mail.sender.example" });
  const [outcome] = (await client.send(letter)).outcomes;
  return { reply: outcome?.reply === undefined ? undefined : `${outcome.reply.code} ${outcome.reply.text}`, to };
}

/** A resolver of these records, by `name type`; what is not there is ENOTFOUND, and `"down"` times out. */
export function resolver(records: Readonly<Record<string, readonly (readonly string[])[] | "down">>): (name: string, type: string) => Promise<string[][]> {
  return async (name, type) => {
    const found = records[`${name} ${type}`];
    if (found === "down") throw Object.assign(new Error("timeout"), { code: "ETIMEOUT" });
    if (found === undefined) throw Object.assign(new Error("not found"), { code: "ENOTFOUND" });
    return found.map((strings) => [...strings]);
  };
}
