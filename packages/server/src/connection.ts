import type { Socket } from "node:net";
import { Refusal } from "@postroad/core";
import type { ClientCounts } from "./clients.ts";
import { clientKey, plainAddress } from "./clients.ts";
import { CommandError, dismiss } from "./command-error.ts";
import { converse } from "./conversation.ts";
import type { Dialogue, Services } from "./dialogue.ts";
import { openDialogue } from "./dialogue.ts";
import { readProxyHeader } from "./proxy.ts";
import { failed, refusalAnswer, wireForm } from "./reply.ts";
import { secure } from "./starttls.ts";
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
    over: Promise.all([run(), wire.closed]).then(() => undefined),
    stop() {
      stopping = true;
      if (dialogue === undefined) return wire.destroy();
      dialogue.stopping = true;
      wire.wake();
    },
    destroy() {
      if (dialogue?.delivering !== true) wire.destroy();
    },
  };
}

/** Learns who is there. */
async function arrive(socket: Socket, wire: Wire, { services, isProxy }: Entrance): Promise<Dialogue> {
  const { settings, newId } = services;
  const peer = { address: plainAddress(socket.remoteAddress ?? ""), port: socket.remotePort ?? 0 };
  const said = isProxy(peer.address) ? await readProxyHeader(wire, settings.timeouts.proxy) : undefined;
  const { address, port } = said ?? peer;
  const client = plainAddress(address);
  const session = { id: newId(), mode: settings.mode, client, port, hello: undefined, tls: undefined, login: undefined };
  return openDialogue(wire, services, session, clientKey(client));
}

async function hold(dialogue: Dialogue, { services, implicitTls, clients }: Entrance): Promise<void> {
  const { wire, session, clientKey: key } = dialogue;
  const { onEvent } = services.settings;
  if (!clients.enter(key)) return turnAway(wire, implicitTls);
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

/** Before a handshake nothing can be said that the client would understand. */
export function turnAway(wire: Wire, implicitTls: boolean): void {
  if (!implicitTls) wire.write(wireForm(dismiss(421, "4.7.0", "too many connections, try again later").answer));
  wire.close();
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
