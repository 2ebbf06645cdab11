import type { ChildProcess } from "node:child_process";
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Client } from "../../packages/server/test/client.ts";
import { dial } from "../../packages/server/test/client.ts";
import type { Role, State } from "./server-process.ts";

/** Our server in another process. */
export interface Target extends AsyncDisposable {
  readonly port: number;
  /** A client that has been greeted; from a loopback address of its own where one is given. */
  dial(localAddress?: string): Promise<Client>;
  /** How it is; its `peak` counts from a look that is afresh. */
  state(look?: "afresh"): Promise<State>;
}

const MESSAGE = "From: ann@example.org\r\nSubject: hi\r\n\r\nhello";
/** What begins a mail to an MX. */
export const ENVELOPE = ["EHLO client.example", "MAIL FROM:<bob@elsewhere.example>", "RCPT TO:<ann@example.org>"] as const;
/** Mails before a measurement: what is allocated once is allocated then. */
const WARM_UP = 300;

export async function startTarget(role: Role): Promise<Target> {
  const child = fork(join(import.meta.dirname, "server-process.ts"), [JSON.stringify(role)], { execArgv: process.execArgv });
  const port = await told(child);
  if (typeof port !== "number") throw new Error("the server has no port");
  return {
    port,
    async dial(localAddress) {
      const client = await dial(port, localAddress === undefined ? {} : { localAddress });
      await client.reply();
      return client;
    },
    async state(look) {
      child.send(look ?? "state");
      const state = await told(child);
      if (!isState(state)) throw new Error("the server does not say how it is");
      return state;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}

/** Gives a server for mail from anybody that has taken some. */
export async function warmTarget(role: Omit<Role, "mode"> = {}): Promise<Target> {
  const target = await startTarget({ mode: "mx", ...role });
  await using client = await target.dial();
  for (let sent = 0; sent < WARM_UP; sent += 1) {
    await client.pipeline(...ENVELOPE.slice(sent === 0 ? 0 : 1), "DATA");
    await client.say(`${MESSAGE}\r\n.`);
  }
  return target;
}

async function told(child: ChildProcess): Promise<unknown> {
  const over = new AbortController();
  const ended = once(child, "exit", { signal: over.signal }).then(() => Promise.reject(new Error("the server has ended")));
  try {
    const [said]: unknown[] = await Promise.race([once(child, "message", { signal: over.signal }), ended]);
    return said;
  } finally {
    over.abort();
    // Whatever lost the race rejects now, and is nobody's concern.
    ended.catch(() => undefined);
  }
}

function isState(value: unknown): value is State {
  return typeof value === "object" && value !== null && "peak" in value && "taken" in value;
}
