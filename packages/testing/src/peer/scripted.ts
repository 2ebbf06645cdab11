import type { Socket } from "node:net";
import type { TlsOptions } from "node:tls";
import { connection, yieldToOthers } from "./connection.ts";
import type { ListenOptions } from "./listener.ts";
import { listen } from "./listener.ts";
import type { Script } from "./script.ts";
import { stepsOf } from "./script.ts";
import type { PlayableSession } from "./session.ts";
import { session } from "./session.ts";
import type { PeerSession, Step } from "./stage.ts";
import * as steps from "./steps.ts";
import { ConversationError } from "./transcript.ts";

export interface ScriptedPeerOptions extends ListenOptions {
  /** Key and certificate for `upgrade()`, and from the first byte on where `implicitTls` is set. */
  readonly tls?: TlsOptions;
  /**
   * Every session begins with a TLS handshake (RFC 8314 §3.3), unless its script begins with a step that stands for
   * one: upgrade, expectRefusedUpgrade, expectBytes, ignore, drop or reset. @default false
   */
  readonly implicitTls?: boolean;
  /** Milliseconds that `done()` and disposal wait for a script that is not at its end. @default 2000 */
  readonly patience?: number;
}

/** A server on 127.0.0.1 that says what its script says, and complains where the client does not keep to it. */
export interface ScriptedPeer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** `smtp://127.0.0.1:port`, or `smtps:` with `implicitTls`. */
  readonly url: string;
  /** One per scripted connection, in order. */
  readonly sessions: readonly PeerSession[];
  /** Scripts the next connection. A connection beyond the last script is refused and counts as a failure. */
  session(build: (script: Script) => unknown): PeerSession;
  /** Resolves when every script is at its end; rejects with the conversation where it took another course. */
  done(): Promise<void>;
  /** Closes everything; rejects as `done` does, and where a step was not played. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a peer; its sessions can be scripted before or after. */
export async function scriptedPeer(options: ScriptedPeerOptions = {}): Promise<ScriptedPeer> {
  const sessions: PlayableSession[] = [];
  const failures: Error[] = [];
  const running: Promise<void>[] = [];
  let connections = 0;

  function welcome(socket: Socket): void {
    connections += 1;
    const next = sessions[connections - 1];
    if (next === undefined) return refuse(socket);
    const played = next.play(connection(socket, (chunk) => next.record(chunk)));
    running.push(played.catch((error: unknown) => void failures.push(toError(error))));
  }

  function refuse(socket: Socket): void {
    const text = `connection ${connections} came, but only ${sessions.length} are scripted`;
    failures.push(new ConversationError(text));
    socket.end(`554 5.3.2 peer: ${text}\r\n`);
  }

  async function done(): Promise<void> {
    await waitFor(Promise.allSettled(sessions.map((each) => each.done)), options.patience ?? 2000);
    for (const each of sessions) each.abandon();
    const results = await Promise.allSettled(sessions.map((each) => each.done));
    const rejected = results.flatMap((result) => (result.status === "rejected" ? [toError(result.reason)] : []));
    throwAll([...new Set([...rejected, ...failures])]);
  }

  const listener = await listen(welcome, options);
  return {
    host: listener.host,
    port: listener.port,
    url: `${options.implicitTls === true ? "smtps" : "smtp"}://${listener.host}:${listener.port}`,
    sessions,
    session(build) {
      const scripted = session(`session ${sessions.length + 1}`, opened(stepsOf(build, options.tls), options));
      sessions.push(scripted);
      return scripted;
    },
    done,
    async [Symbol.asyncDispose]() {
      try {
        await yieldToOthers();
        await done();
      } finally {
        await Promise.all([listener.close(), ...running]);
      }
    },
  };
}

function opened(script: readonly Step[], { implicitTls, tls }: ScriptedPeerOptions): readonly Step[] {
  const begins = implicitTls === true && script[0]?.bare !== true;
  return begins ? [steps.upgrade(tls ?? {}), ...script] : script;
}

async function waitFor(event: Promise<unknown>, patience: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise((resolve) => (timer = setTimeout(resolve, patience)));
  await Promise.race([event, enough]).finally(() => clearTimeout(timer));
}

function throwAll(errors: readonly Error[]): void {
  const [first, ...others] = errors;
  if (first === undefined) return;
  if (others.length === 0) throw first;
  throw new ConversationError(errors.map(({ message }) => message).join("\n\n"));
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
