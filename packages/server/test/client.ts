import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";
import type { ConnectionOptions } from "node:tls";
import { connect as connectTls } from "node:tls";

/** A client that says bytes and hears replies. */
export interface Client extends AsyncDisposable {
  readonly socket: Socket;
  send(bytes: string | Uint8Array): void;
  /** The next reply, all its lines; undefined where the connection ends. */
  reply(): Promise<string | undefined>;
  /** Says one command after the other, each when the last was answered; gives the last reply. */
  say(...commands: readonly string[]): Promise<string | undefined>;
  /** Says all at once, and gives as many replies. */
  pipeline(...commands: readonly string[]): Promise<readonly (string | undefined)[]>;
  /** All that is still said until the connection ends. */
  rest(): Promise<string>;
  startTls(options: ConnectionOptions): Promise<void>;
}

export interface DialOptions {
  readonly tls?: ConnectionOptions;
  readonly localAddress?: string;
  readonly path?: string;
}

const REPLY = /^(?:\d{3}-[^\r\n]*\r\n)*\d{3}(?: [^\r\n]*)?\r\n/;

export async function dial(port: number, { tls, localAddress, path }: DialOptions = {}): Promise<Client> {
  const place = path === undefined ? { port, host: "127.0.0.1", ...(localAddress !== undefined && { localAddress }) } : { path };
  const socket = tls === undefined ? connect(place) : connectTls({ ...place, servername: "localhost", ...tls });
  await once(socket, tls === undefined ? "connect" : "secureConnect");
  return clientOver(socket);
}

function clientOver(first: Socket): Client {
  let socket = first;
  let text = "";
  let ended = false;
  let wake: () => void = () => undefined;

  function onData(chunk: Buffer): void {
    text += chunk.toString("utf8");
    wake();
  }
  function onEnd(): void {
    ended = true;
    wake();
  }
  function listen(): void {
    socket.on("data", onData).on("end", onEnd).on("error", onEnd).on("close", onEnd);
  }
  function news(): Promise<void> {
    return new Promise((resolve) => (wake = resolve));
  }

  listen();
  const self: Client = {
    get socket() {
      return socket;
    },
    send: (bytes) => void socket.write(bytes),
    async reply() {
      for (;;) {
        const found = REPLY.exec(text)?.[0];
        if (found !== undefined) {
          text = text.slice(found.length);
          return found.trimEnd();
        }
        if (ended) return undefined;
        await news();
      }
    },
    async say(...commands) {
      let last: string | undefined;
      for (const command of commands) {
        self.send(`${command}\r\n`);
        last = await self.reply();
      }
      return last;
    },
    async pipeline(...commands) {
      self.send(commands.map((command) => `${command}\r\n`).join(""));
      const replies: (string | undefined)[] = [];
      for (const _ of commands) replies.push(await self.reply());
      return replies;
    },
    async rest() {
      while (!ended) await news();
      return text;
    },
    async startTls(options) {
      await self.say("STARTTLS");
      socket.off("data", onData).off("end", onEnd).off("error", onEnd).off("close", onEnd);
      socket = connectTls({ socket, servername: "localhost", ...options });
      await once(socket, "secureConnect");
      listen();
    },
    async [Symbol.asyncDispose]() {
      socket.on("error", () => undefined).destroy();
      await Promise.resolve();
    },
  };
  return self;
}
