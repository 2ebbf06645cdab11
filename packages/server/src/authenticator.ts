import type { X509Certificate } from "node:crypto";
import type { Login, Session } from "./types.ts";

/** What a server keeps of a SCRAM password (RFC 5803): enough to check a login, not enough to log in. */
export interface ScramSecret {
  readonly iterations: number;
  readonly salt: Uint8Array;
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
  /** Undefined where nobody has the name: see `scramDecoys`. */
  readonly login: Login | undefined;
}

/**
 * Knows who may log in. Each part gives the login, or undefined where name or secret are wrong. Where it cannot tell
 * (the database is down) it throws, and the client hears 454, which is no fault of the password.
 *
 * Which parts there are decides which mechanisms are offered. Put plugins together by spreading:
 * `authenticate: { ...passwordFile("users"), ...clientCertificates(pins) }`.
 */
export interface Authenticator {
  /** For PLAIN and LOGIN. */
  readonly password?: (credentials: { readonly user: string; readonly pass: string }, session: Session) => Promise<Login | undefined>;
  /** For SCRAM-SHA-256 and, over TLS 1.3, SCRAM-SHA-256-PLUS. Clients prefer it, so it must know everybody. For undefined a client is shown 15,000 rounds. */
  readonly scram?: (user: string, session: Session) => Promise<ScramSecret | undefined>;
  /** For OAUTHBEARER and XOAUTH2. `user` is whom the client claims to be: check that the token is theirs. */
  readonly token?: (credentials: { readonly user: string; readonly token: string }, session: Session) => Promise<Login | undefined>;
  /** For EXTERNAL. Makes TLS ask clients for a certificate. `user` is `""` where the client leaves it to the certificate. */
  readonly certificate?: (credentials: { readonly user: string; readonly certificate: X509Certificate }, session: Session) => Promise<Login | undefined>;
}

/** A function checks a password. */
export type Authenticate = Authenticator | NonNullable<Authenticator["password"]>;

export function authenticatorOf(given: Authenticate | undefined): Authenticator {
  if (given === undefined) return {};
  return typeof given === "function" ? { password: given } : given;
}
