import { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import type { Tlsa } from "./tlsa.ts";
import { matches } from "./tlsa.ts";

/** Why a certificate is refused; `code` says it in one word, as the codes of node:tls do. */
function refuse(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/** Most certificates that a server is taken to present; more are not looked at. */
const LONGEST_CHAIN = 16;

/**
 * Checks what a server presents against usable TLSA records of DANE-EE(3) and DANE-TA(2) (RFC 7672 §3.1). Gives true;
 * throws an Error that says what is wrong. `names` are those that a certificate under an authority may be for.
 */
export function daneVerifier(records: readonly Tlsa[], names: readonly string[], clock: () => number): (socket: TLSSocket) => boolean {
  const own = records.filter(({ usage }) => usage === 3);
  const authorities = records.filter(({ usage }) => usage === 2);
  return (socket) => {
    const chain = presented(socket);
    const [leaf] = chain;
    if (leaf === undefined) throw refuse("DANE_NO_CERTIFICATE", "the server presents no certificate");
    // Who publishes the certificate itself vouches for it: its names and dates count for nothing (RFC 7672 §3.1.1).
    if (own.some((record) => matches(record, leaf))) return true;
    const path = pathToAuthority([...chain, ...published(authorities)], authorities);
    if (path === undefined) throw refuse("DANE_TLSA_MISMATCH", "no TLSA record matches the certificate of the server");
    checkDates(path, clock());
    if (!names.some((name) => leaf.checkHost(name, { subject: "never" }) !== undefined)) {
      throw refuse("ERR_TLS_CERT_ALTNAME_INVALID", `the certificate is for ${leaf.subjectAltName ?? "no name"}, not for ${names.join(", ")}`);
    }
    return true;
  };
}

/** What the server sent, its own certificate first. */
function presented(socket: TLSSocket): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  let next = socket.getPeerX509Certificate();
  while (next !== undefined && chain.length < LONGEST_CHAIN) {
    chain.push(next);
    next = next.issuerCertificate;
  }
  return chain;
}

/** Authorities whose whole certificate is in DNS need not be sent. */
function published(authorities: readonly Tlsa[]): readonly X509Certificate[] {
  return authorities.flatMap(({ selector, matchingType, data }) => {
    if (selector !== 0 || matchingType !== 0) return [];
    try {
      return [new X509Certificate(data)];
    } catch {
      // Not a certificate; so nothing that the server presents can be the same.
      return [];
    }
  });
}

/** From the server's certificate, by signatures, to one that a record means; that one included. */
function pathToAuthority(certificates: readonly X509Certificate[], authorities: readonly Tlsa[]): readonly X509Certificate[] | undefined {
  const path: X509Certificate[] = certificates.slice(0, 1);
  for (let last = path[0]; last !== undefined; last = path.at(-1)) {
    const subject = last;
    const issuers = certificates.filter((each) => !path.includes(each) && each.ca && subject.checkIssued(each) && subject.verify(each.publicKey));
    const found = issuers.find((each) => authorities.some((record) => matches(record, each)));
    if (found !== undefined) return [...path, found];
    const [issuer] = issuers;
    if (issuer === undefined) return undefined;
    path.push(issuer);
  }
  return undefined;
}

function checkDates(path: readonly X509Certificate[], now: number): void {
  for (const { subject, validFrom, validTo } of path) {
    if (now > Date.parse(validTo)) throw refuse("CERT_HAS_EXPIRED", `the certificate of ${subject} has expired on ${validTo}`);
    if (now < Date.parse(validFrom)) throw refuse("CERT_NOT_YET_VALID", `the certificate of ${subject} is not valid before ${validFrom}`);
  }
}
