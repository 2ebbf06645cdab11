import type { Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import type { Connection } from "./connection.ts";
import { connection } from "./connection.ts";
import { listen } from "./listener.ts";
import { serve } from "./model-session.ts";
import type { ModelMessage, ModelPeerOptions } from "./model-types.ts";
import { transcript } from "./transcript.ts";

/** An SMTP server that keeps to RFC 5321, in memory, on 127.0.0.1; it records what it took and what was wrong. */
export interface ModelPeer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** `smtp://127.0.0.1:port`, or `smtps:` with `implicitTls`. */
  readonly url: string;
  /** Messages that the peer took responsibility for, in the order it did; whether the client learned of it or not. */
  readonly messages: readonly ModelMessage[];
  /** What clients did against the rules, e.g. pipelined without being allowed to. */
  readonly violations: readonly string[];
  /** Connections so far, those open now, and the most that were open at once. */
  readonly connections: { readonly total: number; readonly open: number; readonly most: number };
  /** One conversation per connection, `C: ` and `S: ` in front. */
  readonly transcripts: readonly (readonly string[])[];
  /** Breaks all connections that are open now. */
  disconnect(how?: "fin" | "reset"): void;
  /** Closes everything. Rejects where `on` or `onMessage` threw. */
  [Symbol.asyncDispose](): Promise<void>;
}

export async function modelPeer(options: ModelPeerOptions = {}): Promise<ModelPeer> {
  const messages: ModelMessage[] = [];
  const violations: string[] = [];
  const transcripts: (readonly string[])[] = [];
  const open = new Set<Connection>();
  const served: Promise<void>[] = [];
  let most = 0;

  function take(message: ModelMessage): void {
    messages.push(message);
    options.onMessage?.(message);
  }

  async function welcome(socket: Socket): Promise<void> {
    const log = transcript();
    const number = transcripts.push(log.lines);
    const live = connection(socket);
    const violation = (text: string): void => void violations.push(`connection ${number}: ${text}`);
    open.add(live);
    try {
      await Promise.all([serve(live, options, number, { log, violation, take }), count()]);
    } finally {
      open.delete(live);
    }
  }

  /** After a turn: a client that closed one connection before it opened this one is not seen with both. */
  async function count(): Promise<void> {
    await turn();
    most = Math.max(most, openNow());
  }
  const openNow = (): number => [...open].filter(({ inbox }) => inbox.ending === undefined).length;

  const listener = await listen((socket) => {
    const one = welcome(socket);
    one.catch(() => socket.destroy());
    served.push(one);
  }, options);
  return {
    host: listener.host,
    port: listener.port,
    url: `${options.implicitTls === true ? "smtps" : "smtp"}://${listener.host}:${listener.port}`,
    messages,
    violations,
    transcripts,
    get connections() {
      return { total: transcripts.length, open: openNow(), most };
    },
    disconnect(how = "fin") {
      for (const live of open) {
        if (how === "fin") live.end();
        else live.reset();
      }
    },
    async [Symbol.asyncDispose]() {
      await listener.close();
      await Promise.all(served);
    },
  };
}
