import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import type { TlsOptions } from "node:tls";
import { TLSSocket, createServer as createTlsServer } from "node:tls";
import { portOf } from "./support.ts";

/** An SMTP server that keeps to RFC 5802 and knows one user. */
export interface ScramServer extends AsyncDisposable {
  readonly port: number;
  /** How each login went: the mechanism, its GS2 header, and `ok` or why not. */
  readonly logins: readonly { readonly mechanism: string; readonly header: string; readonly verdict: string; readonly resumed: boolean }[];
}

export interface ScramServerOptions {
  readonly user: string;
  readonly pass: string;
  readonly offer: readonly string[];
  readonly tls?: TlsOptions;
  /** Where it does not keep to the RFC. */
  readonly lie?: "signature" | "rounds=1" | "rounds=1000000000" | "nonce" | "welcome" | "error";
}

export async function scramServer(options: ScramServerOptions): Promise<ScramServer> {
  const logins: ScramServer["logins"][number][] = [];
  const sockets = new Set<Socket>();
  const welcome = (socket: Socket): void => {
    sockets.add(socket.on("error", () => undefined));
    void serve(socket, options, logins);
  };
  const server = options.tls === undefined ? createServer(welcome) : createTlsServer(options.tls, welcome);
  server.on("tlsClientError", () => undefined).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: portOf(server),
    logins,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function serve(socket: Socket, options: ScramServerOptions, logins: ScramServer["logins"][number][]): Promise<void> {
  const lines = createInterface({ input: socket, crlfDelay: Infinity })[Symbol.asyncIterator]();
  const say = (text: string): void => void socket.write(`${text}\r\n`);
  const next = async (): Promise<string> => (await lines.next()).value ?? "QUIT";
  say("220 scram");
  for (let line = await next(); ; line = await next()) {
    const [verb = "", mechanism = "", initial = ""] = line.split(" ");
    if (verb === "EHLO") say(`250-scram\r\n250 AUTH ${options.offer.join(" ")}`);
    else if (verb === "AUTH") {
      const login = await scram(mechanism, decode(initial), options, socket, async (challenge) => {
        say(`334 ${encode(challenge)}`);
        return decode(await next());
      });
      const resumed = socket instanceof TLSSocket && socket.isSessionReused();
      logins.push({ mechanism, ...login, resumed });
      say(login.verdict === "ok" ? "235 2.7.0 ok" : "535 5.7.8 no");
    } else if (verb === "DATA") {
      say("354 go");
      while ((await next()) !== ".") continue;
      say("250 taken");
    } else if (verb === "QUIT") return void socket.end("221 bye\r\n");
    else say("250 ok");
  }
}

type Ask = (challenge: string) => Promise<string>;

async function scram(
  mechanism: string,
  first: string,
  { user, pass, offer, lie }: ScramServerOptions,
  socket: Socket,
  ask: Ask,
): Promise<{ readonly header: string; readonly verdict: string }> {
  const [, header = "", bare = "", name, nonce = ""] = /^((?:n|y|p=[a-z-]+),,)(n=([^,]*),r=(.*))$/.exec(first) ?? [];
  const refuse = (verdict: string): { readonly header: string; readonly verdict: string } => ({ header, verdict });
  if (lie === "welcome") return refuse("ok");
  if (name !== user) return refuse("unknown user");
  if (header === "y,," && offer.includes("SCRAM-SHA-256-PLUS")) return refuse("downgraded");
  if (header.startsWith("p=") !== mechanism.endsWith("-PLUS")) return refuse("header does not fit the mechanism");
  const joint = lie === "nonce" ? nonce : `${nonce}${randomBytes(12).toString("base64")}`;
  const salt = randomBytes(16);
  const rounds = lie?.startsWith("rounds=") === true ? lie.slice(7) : "4096";
  const serverFirst = `r=${joint},s=${salt.toString("base64")},i=${rounds}`;
  const final = await ask(serverFirst);
  const [, withoutProof = "", channel = "", back, proof = ""] = /^(c=([^,]*),r=([^,]*)),p=(.*)$/.exec(final) ?? [];
  if (back !== joint) return refuse("nonce");
  const bound = Buffer.concat([Buffer.from(header), bindingOf(socket, header)]);
  if (!bound.equals(Buffer.from(channel, "base64"))) return refuse("channel binding");
  const salted = pbkdf2Sync(pass, salt, Number(rounds), 32, "sha256");
  const message = `${bare},${serverFirst},${withoutProof}`;
  const clientKey = hmac(salted, "Client Key");
  const signature = hmac(createHash("sha256").update(clientKey).digest(), message);
  const given = Buffer.from(Buffer.from(proof, "base64").map((byte, index) => byte ^ (signature[index] ?? 0)));
  const right = given.length === clientKey.length && timingSafeEqual(given, clientKey);
  if (!right || lie === "error") {
    await ask("e=invalid-proof");
    return refuse("wrong proof");
  }
  const verifier = hmac(hmac(salted, "Server Key"), lie === "signature" ? `${message}!` : message).toString("base64");
  return refuse((await ask(`v=${verifier}`)) === "" ? "ok" : "client did not agree");
}

/** This side's own view of the connection (RFC 5929 §3, RFC 9266). */
function bindingOf(socket: Socket, header: string): Buffer {
  if (!(socket instanceof TLSSocket)) return Buffer.alloc(0);
  if (header === "p=tls-exporter,,") return socket.exportKeyingMaterial(32, "EXPORTER-Channel-Binding", Buffer.alloc(0));
  return header === "p=tls-unique,," ? (socket.getPeerFinished() ?? Buffer.alloc(0)) : Buffer.alloc(0);
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

const decode = (base64: string): string => Buffer.from(base64, "base64").toString();
const encode = (text: string): string => Buffer.from(text).toString("base64");
