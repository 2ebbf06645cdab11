import { randomFillSync } from "node:crypto";
import { ConfigError, Refusal, checkOptions, isBoolean, isInteger, isString } from "@postroad/core";
import type { ConfigIssue, Rules } from "@postroad/core";
import { countClients } from "./clients.ts";
import type { Connection, Entrance } from "./connection.ts";
import type { Services } from "./dialogue.ts";
import type { Endpoint, Listener } from "./listener.ts";
import { openListener } from "./listener.ts";
import { loginGuard } from "./login-guard.ts";
import type { ServerOptions, Settings, TlsOptions } from "./options.ts";
import { settingsFrom } from "./options.ts";
import { patience } from "./patience.ts";
import { trustedProxies } from "./proxy.ts";
import { room } from "./room.ts";
import { spools } from "./spool.ts";
import type { TlsEndpoint } from "./tls-endpoint.ts";
import { tlsEndpoint } from "./tls-endpoint.ts";
import { turns } from "./turns.ts";

/** Takes mail over SMTP, or LMTP, and hands it to a transport. */
export interface Server extends AsyncDisposable {
  /**
   * Listens, and gives this server once it does: on one port or several, or where Endpoints say. Where it rejects, e.g.
   * with EADDRINUSE or EACCES, the server is disposed.
   */
  listen(...endpoints: readonly (number | Endpoint)[]): Promise<Server>;
  /** Those it listens on, in order. */
  readonly ports: readonly number[];
  /** The first of them. */
  readonly port: number;
  /** Connections that are open. */
  readonly connections: number;
  /** Handshakes from now on use these, e.g. a renewed certificate. */
  renewTls(tls: TlsOptions): void;
  /**
   * Accepts no connection and no command any more (421 4.3.2), takes in the messages that are on their way, hands them on
   * and says so; then disposes `to` and `bounce`.
   */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Passwords that may wait for their check. */
const PASSWORDS_WAITING = 100;

/** Throws a ConfigError for wrong options, and what node:tls throws for a certificate it cannot use. */
export function createServer(options: ServerOptions): Server {
  const settings = settingsFrom(options);
  const isProxy = trustedProxies(settings.proxies);
  const shared = {
    settings,
    openSpool: spools(settings.spool),
    logins: loginGuard(settings.limits, settings.clock),
    passwordChecks: turns(settings.limits.passwordChecks, PASSWORDS_WAITING),
    room: room(settings.timeouts.room, settings.clock),
    newId,
    sendPatience: patience(settings.timeouts.send, () => new Refusal("4.3.2", "the mail could not be handed on in time")),
  };
  const clients = countClients(settings.limits.connectionsPerClient);
  const open = new Set<Connection>();
  const listeners: Listener[] = [];
  const tls: TlsEndpoint[] = [];
  let disposed: Promise<void> | undefined;

  function entrance({ implicitTls, port }: Endpoint): Entrance {
    const endpoint = settings.tls === undefined ? undefined : tlsFor(settings, settings.tls);
    if (endpoint !== undefined) tls.push(endpoint);
    const services: Services = { ...shared, tls: endpoint };
    return { services, clients, isProxy, implicitTls: implicitTls ?? port === 465 };
  }

  /** Disposed in the meantime, the server would never close one more listener. */
  function expectLife(late?: Listener): void {
    if (disposed === undefined) return;
    late?.stop();
    throw new ConfigError("listen", [{ path: "", message: "the server is disposed" }]);
  }

  // So that a certificate that does not fit its key is found now and not by the first client.
  if (settings.tls !== undefined) tlsFor(settings, settings.tls);

  const server: Server = {
    async listen(...endpoints) {
      expectLife();
      const places = endpoints.length === 0 ? [{}] : endpoints;
      try {
        for (const endpoint of places.map((place) => placeOf(place, settings))) {
          const listener = await openListener(endpoint, entrance(endpoint), open);
          expectLife(listener);
          listeners.push(listener);
        }
        return server;
      } catch (error) {
        await server[Symbol.asyncDispose]();
        throw error;
      }
    },
    get ports() {
      return listeners.flatMap(({ port }) => (port === undefined ? [] : [port]));
    },
    get port() {
      const [first] = server.ports;
      if (first === undefined) throw new ConfigError("port", [{ path: "", message: "the server does not listen on a port yet" }]);
      return first;
    },
    get connections() {
      return open.size;
    },
    renewTls(renewed) {
      tlsFor(settings, renewed);
      for (const endpoint of tls) endpoint.renew(renewed);
    },
    [Symbol.asyncDispose]() {
      disposed ??= dispose(listeners, settings);
      return disposed;
    },
  };
  return server;
}

async function dispose(listeners: readonly Listener[], { to, bounce, timeouts }: Settings): Promise<void> {
  for (const listener of listeners) listener.stop();
  const timer = setTimeout(() => {
    for (const listener of listeners) listener.destroy();
  }, timeouts.shutdown);
  await Promise.all(listeners.map((listener) => listener.over()));
  clearTimeout(timer);
  try {
    await to[Symbol.asyncDispose]();
  } finally {
    await bounce?.[Symbol.asyncDispose]();
  }
}

function tlsFor({ timeouts, authenticator }: Settings, options: TlsOptions): TlsEndpoint {
  return tlsEndpoint(options, timeouts.tls, authenticator.certificate !== undefined);
}

const PORTS = { submission: 587, mx: 25, lmtp: 24 };

const endpointRules: Rules<Endpoint> = { port: isInteger(0, 65_535), host: isString, path: isString, implicitTls: isBoolean };

/** LMTP is for the next room (RFC 2033 §5): it never listens on port 25, and not on the open network unasked. */
function placeOf(place: number | Endpoint, { mode, tls }: Settings): Endpoint {
  const given = typeof place === "number" ? { port: place } : place;
  checkOptions("listen", given, endpointRules);
  const issues: ConfigIssue[] = [];
  const endpoint = { port: PORTS[mode], ...(mode === "lmtp" && { host: "127.0.0.1" }), ...given };
  if (mode === "lmtp" && endpoint.port === 25) issues.push({ path: "port", message: "is 25, on which LMTP must not be spoken (RFC 2033 §5)" });
  if (tls === undefined && (endpoint.implicitTls ?? endpoint.port === 465)) {
    issues.push({ path: "implicitTls", message: "needs a certificate: give createServer tls" });
  }
  if (issues.length > 0) throw new ConfigError("listen", issues);
  return endpoint;
}

/** Sorts by time, and nobody guesses the next. */
function newId(): string {
  if (at === random.byteLength) at = randomFillSync(random).byteLength % random.byteLength;
  at += 8;
  return Date.now().toString(36) + random.toString("hex", at - 8, at);
}

/** Random octets are had cheaper by the thousand. */
const random = Buffer.alloc(4096);
let at = random.byteLength;
