import type { Transport } from "@postroad/core";
import { testAuthority, testCertificate } from "@postroad/testing/certificate";
import type { Fake } from "@postroad/testing/fake";
import { fake } from "@postroad/testing/fake";
import type { LmtpOptions, MxOptions, Server, ServerEvent, SubmissionOptions } from "../src/index.ts";
import { createServer } from "../src/index.ts";
import type { Client, DialOptions } from "./client.ts";
import { dial } from "./client.ts";

export const authority = testAuthority();
const certificate = testCertificate({ issuer: authority });
export const tls = { key: certificate.key, cert: certificate.cert };

export interface Running<T extends Transport = Fake> extends AsyncDisposable {
  readonly server: Server;
  readonly port: number;
  readonly to: T;
  readonly events: readonly ServerEvent[];
  /** A client that has been greeted. */
  dial(options?: DialOptions): Promise<Client>;
  /** The first event of this kind, as soon as it is there. */
  event<Kind extends ServerEvent["kind"]>(kind: Kind): Promise<Extract<ServerEvent, { kind: Kind }>>;
}

interface Log {
  readonly events: ServerEvent[];
  readonly add: (event: ServerEvent) => void;
  wake: () => void;
}

function log(): Log {
  const self: Log = {
    events: [],
    add(event) {
      self.events.push(event);
      self.wake();
    },
    wake: () => undefined,
  };
  return self;
}

/** A submission server that knows everybody by the password "s3cret". */
export async function submission(options: Partial<SubmissionOptions> = {}, to: Fake = fake()): Promise<Running> {
  const events = log();
  const server = createServer({
    to,
    tls,
    hostname: "mail.example.org",
    authenticate: async ({ user, pass }) => (pass === "s3cret" ? { user } : undefined),
    timeouts: { loginDelay: 0 },
    onEvent: events.add,
    ...options,
  });
  return running(await server.listen({ port: 0, host: "127.0.0.1" }), to, events);
}

/** An MX for example.org. */
export async function mx(options: Partial<MxOptions> = {}, to: Fake = fake()): Promise<Running> {
  const events = log();
  const server = createServer({
    mode: "mx",
    to,
    hostname: "mx.example.org",
    recipient: ({ address }) => address.endsWith("@example.org"),
    onEvent: events.add,
    ...options,
  });
  return running(await server.listen({ port: 0, host: "127.0.0.1" }), to, events);
}

export async function lmtp(options: Partial<LmtpOptions> = {}, to: Fake = fake()): Promise<Running> {
  const events = log();
  const server = createServer({ mode: "lmtp", to, hostname: "lmtp.example.org", onEvent: events.add, ...options });
  return running(await server.listen({ port: 0 }), to, events);
}

function running(server: Server, to: Fake, events: Log): Running {
  return {
    server,
    port: server.port,
    to,
    events: events.events,
    async dial(options) {
      const made = await dial(server.port, options);
      await made.reply();
      return made;
    },
    async event(kind) {
      for (;;) {
        const found = events.events.find((event) => event.kind === kind);
        if (isOf(kind, found)) return found;
        await new Promise<void>((resolve) => (events.wake = resolve));
      }
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function isOf<Kind extends ServerEvent["kind"]>(kind: Kind, event: ServerEvent | undefined): event is Extract<ServerEvent, { kind: Kind }> {
  return event?.kind === kind;
}

/** What PLAIN says. */
export function plainLogin(user: string, pass: string): string {
  return `AUTH PLAIN ${base64(`\0${user}\0${pass}`)}`;
}

export function base64(text: string | Uint8Array): string {
  return Buffer.from(text).toString("base64");
}

/** A client over TLS that has said EHLO in it. */
export async function secured(server: Running): Promise<Client> {
  const client = await server.dial();
  await client.say("EHLO client.example");
  await client.startTls({ ca: authority.cert });
  await client.say("EHLO client.example");
  return client;
}

/** A client over TLS and logged in. */
export async function loggedIn(server: Running, user: string = "ann@example.org"): Promise<Client> {
  const client = await secured(server);
  await client.say(plainLogin(user, "s3cret"));
  return client;
}

export function textOf(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString("utf8");
}

export const MESSAGE = "From: ann@example.org\r\nSubject: hi\r\n\r\nhello";

/** What begins a mail to an MX. */
export const ENVELOPE = ["EHLO client.example", "MAIL FROM:<bob@elsewhere.example>", "RCPT TO:<ann@example.org>"] as const;

