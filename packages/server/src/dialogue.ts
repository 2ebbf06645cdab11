import type { CommandError } from "./command-error.ts";
import { dismiss } from "./command-error.ts";
import type { Line } from "./input.ts";
import type { LoginGuard } from "./login-guard.ts";
import type { Settings } from "./options.ts";
import type { Room } from "./room.ts";
import type { OpenSpool } from "./spool.ts";
import type { TlsEndpoint } from "./tls-endpoint.ts";
import type { OpenTransaction } from "./transaction.ts";
import type { Turns } from "./turns.ts";
import type { Session } from "./types.ts";
import type { Silence, Wanted, Wire } from "./wire.ts";

/** What all connections of a listening server share. */
export interface Services {
  readonly settings: Settings;
  readonly openSpool: OpenSpool;
  readonly logins: LoginGuard;
  readonly passwordChecks: Turns;
  readonly room: Room;
  /** Undefined where there is no TLS. */
  readonly tls: TlsEndpoint | undefined;
  readonly newId: () => string;
  /** Aborts when a mail that is handed on now has taken `timeouts.send`. */
  readonly sendPatience: () => AbortSignal;
}

/** The session that hooks see, open to change. */
export type SessionState = { -readonly [K in keyof Session]: Session[K] };

/** One connection, and what has been said over it. */
export interface Dialogue {
  readonly wire: Wire;
  readonly services: Services;
  readonly session: SessionState;
  /** By which the client is known where it is counted. */
  readonly clientKey: string;
  /** The server is being disposed. */
  stopping: boolean;
  /** EHLO or LHLO was said last, not HELO. */
  extended: boolean;
  /** What ties a login to the TLS connection, where that can be. */
  binding: Buffer | undefined;
  transaction: OpenTransaction | undefined;
  /** Mails begun over this connection. */
  mails: number;
  /** Commands since the last mail that were refused, deferred, and that got nothing further. */
  errors: number;
  deferrals: number;
  junk: number;
  loginFailures: number;
  /** A message has come in, and the transport has not yet said what becomes of it. */
  delivering: boolean;
}

export function openDialogue(wire: Wire, services: Services, session: SessionState, clientKey: string): Dialogue {
  return {
    wire,
    services,
    session,
    clientKey,
    stopping: false,
    extended: false,
    binding: undefined,
    transaction: undefined,
    mails: 0,
    errors: 0,
    deferrals: 0,
    junk: 0,
    loginFailures: 0,
    delivering: false,
  };
}

/** Octets of a line. A response of a login may be so long (RFC 4954 §4); what else comes is bounded by `limits.command`. */
const MAX_LINE = 12_288;

const line: Wanted<Line> = (input) => input.line(MAX_LINE);

/**
 * The next line, in time: a client that trickles gets no more of it than one that is silent. Between the chunks of a message that is the
 * message's time. No promise where it is there already.
 */
export function nextLine({ wire, services, transaction }: Dialogue, wakeable: boolean = false): Line | Silence | Promise<Line | Silence> {
  return wire.next(line, Math.min(services.settings.timeouts.command, transaction?.pace?.left ?? Infinity), wakeable);
}

/** RFC 2920 §3.2: what changes the state must be the last of what was sent, and is answered before more is said. */
export function expectSilence({ wire }: Dialogue, command: string): void {
  if (wire.input.size > 0) throw pipelined(command);
}

function pipelined(command: string): CommandError {
  return dismiss(554, "5.5.0", `wait for the reply to ${command} before you go on`);
}
