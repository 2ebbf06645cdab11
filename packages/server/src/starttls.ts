import type { Answer } from "./reply.ts";
import { dismiss, refuse } from "./command-error.ts";
import type { Dialogue } from "./dialogue.ts";
import { expectSilence } from "./dialogue.ts";
import { bindingOf } from "./sasl/exchange.ts";
import { reset } from "./transaction-commands.ts";
import type { TlsEndpoint } from "./tls-endpoint.ts";

/**
 * STARTTLS (RFC 3207). All that was said before could have been said by anybody, so it is forgotten (§4.2), and what
 * came along with the command must not be heard from inside: it ends the connection (CVE-2011-0411).
 */
export async function startTls(args: string, dialogue: Dialogue): Promise<readonly Answer[]> {
  const { session, services, wire } = dialogue;
  if (services.tls === undefined) throw refuse(502, "5.5.1", "there is no TLS here");
  if (session.tls !== undefined) throw refuse(503, "5.5.1", "TLS is on already");
  if (args.trim() !== "") throw refuse(501, "5.5.4", "STARTTLS takes no argument");
  // First, since it may take a while, in which more may come.
  await reset(dialogue);
  expectSilence(dialogue, "STARTTLS");
  wire.write("220 2.0.0 go ahead\r\n");
  await secure(dialogue, services.tls);
  session.hello = undefined;
  session.login = undefined;
  dialogue.extended = false;
  return [];
}

/** Puts TLS under the connection; where that fails there is none any more. */
export async function secure(dialogue: Dialogue, tls: TlsEndpoint): Promise<void> {
  const { wire, session } = dialogue;
  try {
    const secured = await tls.secure(wire.detach());
    wire.attach(secured.socket);
    session.tls = secured.tls;
    dialogue.binding = bindingOf(secured.socket);
  } catch (error) {
    throw dismiss(454, "4.7.0", `TLS failed: ${error instanceof Error ? error.message : typeof error}`);
  }
}
