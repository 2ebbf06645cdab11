import { AsyncLocalStorage } from "node:async_hooks";
import { constants } from "node:crypto";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { createServer } from "node:tls";
import type { TlsOptions } from "./options.ts";
import type { TlsSession } from "./types.ts";

/** A connection with TLS under it. */
export interface Secured {
  readonly socket: TLSSocket;
  readonly tls: TlsSession;
}

/** Does the server's half of handshakes. One for each listener: none accepts the session tickets of another. */
export interface TlsEndpoint {
  /** Takes the socket over. Rejects, the socket destroyed, where the handshake fails or takes too long. */
  secure(socket: Socket): Promise<Secured>;
  /** For connections to come, e.g. with a renewed certificate. */
  renew(options: TlsOptions): void;
}

/** Throws what node:tls throws for options that are wrong. */
export function tlsEndpoint(options: TlsOptions, timeout: number, askForCertificate: boolean): TlsEndpoint {
  // Never listens: it is told of connections, as the documentation of its event "connection" allows.
  const server = createServer({
    minVersion: "TLSv1.2",
    ...withoutRenegotiation(options),
    handshakeTimeout: timeout,
    requestCert: askForCertificate,
    // Whether a certificate will do is for the login to say: it may be known by its fingerprint.
    rejectUnauthorized: false,
  });
  // Which handshake an event is of. Addresses would not do: connections over a Unix socket have none.
  const handshake = new AsyncLocalStorage<Waiting>();
  server.on("secureConnection", (socket) => handshake.getStore()?.resolve({ socket, tls: describe(socket) }));
  server.on("tlsClientError", (error) => handshake.getStore()?.reject(error));
  return {
    secure: (socket) =>
      new Promise((resolve, reject) => {
        const fail = (error: Error): void => {
          socket.on("error", () => undefined).destroy();
          reject(error);
        };
        socket.once("close", () => fail(new Error("the connection was closed during the TLS handshake")));
        handshake.run({ resolve, reject: fail }, () => server.emit("connection", socket));
      }),
    renew: (next) => server.setSecureContext({ minVersion: "TLSv1.2", ...withoutRenegotiation(next) }),
  };
}

interface Waiting {
  readonly resolve: (secured: Secured) => void;
  readonly reject: (error: Error) => void;
}

/** A client that starts over in the middle makes us work and gets nothing for it. */
function withoutRenegotiation(options: TlsOptions): TlsOptions {
  return { ...options, secureOptions: (options.secureOptions ?? 0) | constants.SSL_OP_NO_RENEGOTIATION };
}

function describe(socket: TLSSocket): TlsSession {
  const certificate = socket.getPeerX509Certificate();
  return {
    protocol: socket.getProtocol() ?? "TLS",
    cipher: socket.getCipher().standardName,
    authorized: socket.authorized,
    ...(certificate !== undefined && { certificate }),
  };
}
