import type { Socket } from "node:net";
import { Refusal } from "@postroad/core";
import type { ClientCounts } from "./clients.ts";
import { clientKey, plainAddress } from "./clients.ts";
import { CommandError, dismiss } from "./command-error.ts";
import { converse } from "./conversation.ts";
import type { Dialogue, Services, SessionState } from "./dialogue.ts";
import { openDialogue } from "./dialogue.ts";
import type { OnEvent } from "./events.ts";
import { readProxyHeader } from "./proxy.ts";
import { closing, failed, refusalAnswer, wireForm } from "./reply.ts";
import { secure } from "./starttls.ts";
import type { Session } from "./types.ts";
import type { Wire } from "./wire.ts";
import { openWire } from "./wire.ts";

/** How one listener treats its connections. */
export interface Entrance {
  readonly services: Services;
  readonly implicitTls: boolean;
  readonly clients: ClientCounts;
  readonly isProxy: (address: string) => boolean;
}

/** A connection from its first byte to its last. */
export interface Connection {
  /** Settles when it is over, with whatever it was doing. */
  readonly over: Promise<void>;
  /** Takes no further command. */
  stop(): void;
  /** Closes at once, unless a message is being handed on: whoever sent it would not hear that it was taken, and send it again. */
  destroy(): void;
}

export function openConnection(socket: Socket, entrance: Entrance): Connection {
  const wire = openWire(socket);
  const abandoned = Promise.withResolvers<void>();
  let dialogue: Dialogue | undefined;
  let stopping = false;

  async function run(): Promise<void> {
    try {
      dialogue = await arrive(socket, wire, entrance);
      dialogue.stopping = stopping;
    } catch {
      // Nobody is there yet to be told, or to be told of: a port scan, a load balancer that looks in.
      return wire.destroy();
    }
    await hold(dialogue, entrance);
  }

  return {
    over: Promise.all([Promise.race([run(), abandoned.promise]), wire.closed]).then(() => undefined),
    stop() {
      stopping = true;
      if (dialogue === undefined) return wire.destroy();
      dialogue.stopping = true;
      wire.wake();
    },
    destroy() {
      if (dialogue?.delivering === true) return;
      wire.destroy();
      // A hook that does not settle holds nobody up: there is nothing left that it could decide.
      abandoned.resolve();
    },
  };
}

/** Learns who is there. */
async function arrive(socket: Socket, wire: Wire, { services, isProxy }: Entrance): Promise<Dialogue> {
  const session = visitor(socket, services);
  const said = isProxy(session.client) ? await readProxyHeader(wire, services.settings.timeouts.proxy) : undefined;
  if (said !== undefined) {
    session.client = plainAddress(said.address);
    session.port = said.port;
  }
  return openDialogue(wire, services, session, clientKey(session.client));
}

async function hold(dialogue: Dialogue, { services, implicitTls, clients }: Entrance): Promise<void> {
  const { wire, session, clientKey: key } = dialogue;
  const { onEvent } = services.settings;
  if (!clients.enter(key)) return turnAway(wire, implicitTls, session, onEvent);
  let reason = "";
  onEvent({ kind: "opened", session });
  try {
    if (implicitTls && services.tls !== undefined) await secure(dialogue, services.tls);
    await greet(dialogue);
    reason = await converse(dialogue);
  } catch (error) {
    reason = error instanceof Error ? error.message : String(error);
    if (error instanceof CommandError) wire.write(wireForm(error.answer));
    wire.close();
  } finally {
    clients.leave(key);
    onEvent({ kind: "closed", session, reason });
  }
}

const CROWDED = wireForm(closing(421, "4.7.0", "too many connections, try again later"));

/** Before a handshake nothing can be said that the client would understand. */
export function turnAway(wire: Wire, implicitTls: boolean, session: Session, onEvent: OnEvent): void {
  if (!implicitTls) wire.write(CROWDED);
  wire.close();
  onEvent({ kind: "refused", session, command: "", reply: CROWDED.trimEnd() });
}

/** Who comes to this socket, as far as is known without a word. */
export function visitor(socket: Socket, { settings, newId }: Services): SessionState {
  const client = plainAddress(socket.remoteAddress ?? "");
  return { id: newId(), mode: settings.mode, client, port: socket.remotePort ?? 0, hello: undefined, tls: undefined, login: undefined };
}

/** The first word is ours (RFC 5321 §4.3.1): who speaks before it does not listen. */
async function greet({ wire, session, services }: Dialogue): Promise<void> {
  const { hostname, mode, policies } = services.settings;
  try {
    for (const { connect } of policies) await connect?.(session);
  } catch (error) {
    if (!(error instanceof Refusal)) {
      services.settings.onEvent({ kind: "error", session, doing: "connect", error });
      throw new CommandError({ ...failed, code: 421, close: true });
    }
    const { status, text } = refusalAnswer(error);
    throw new CommandError({ code: error.status.startsWith("5") ? 554 : 421, ...(status !== undefined && { status }), text, close: true });
  }
  if (wire.input.size > 0) throw dismiss(554, "5.5.0", "wait for the greeting");
  wire.write(`220 ${hostname} ${mode === "lmtp" ? "LMTP" : "ESMTP"} Postroad\r\n`);
}
