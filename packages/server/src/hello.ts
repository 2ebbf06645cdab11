import type { Answer } from "./reply.ts";
import type { Dialogue } from "./dialogue.ts";
import { expectSilence } from "./dialogue.ts";
import { refuse } from "./command-error.ts";
import { mechanismsFor } from "./login.ts";
import { isHostName } from "./path.ts";
import { reset } from "./transaction-commands.ts";

/** EHLO, and LHLO for LMTP: who the client says it is, and what the server can do (RFC 5321 §4.1.1.1, RFC 2033 §4.1). */
export async function extendedHello(args: string, dialogue: Dialogue): Promise<Answer> {
  await greet(args, dialogue, true);
  return { code: 250, text: [dialogue.services.settings.hostname, ...capabilities(dialogue)] };
}

/** HELO: no extensions (RFC 5321 §4.1.4). */
export async function hello(args: string, dialogue: Dialogue): Promise<Answer> {
  await greet(args, dialogue, false);
  return { code: 250, text: dialogue.services.settings.hostname };
}

async function greet(args: string, dialogue: Dialogue, extended: boolean): Promise<void> {
  expectSilence(dialogue, "EHLO");
  const name = args.trim();
  if (!isHostName(name)) throw refuse(501, "5.5.4", "say the name of your host, or its address in brackets");
  await reset(dialogue);
  dialogue.session.hello = name;
  dialogue.extended = extended;
}

/** What is offered now. Nothing is announced that is not there, and no way to log in where a password would be read. */
function capabilities(dialogue: Dialogue): readonly string[] {
  const { session, services } = dialogue;
  const { limits } = services.settings;
  const mechanisms = mechanismsFor(dialogue);
  return [
    "PIPELINING",
    `SIZE ${limits.size}`,
    "8BITMIME",
    "SMTPUTF8",
    "CHUNKING",
    "DSN",
    "ENHANCEDSTATUSCODES",
    `LIMITS MAILMAX=${limits.mails} RCPTMAX=${limits.recipients}`,
    ...(services.tls !== undefined && session.tls === undefined ? ["STARTTLS"] : []),
    ...(session.tls !== undefined ? ["REQUIRETLS"] : []),
    ...(mechanisms.length > 0 ? [`AUTH ${mechanisms.join(" ")}`] : []),
  ];
}

