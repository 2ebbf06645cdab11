import type { Phase } from "./failure.ts";

/** What advice depends on: data only, never a reply's text. */
export interface Symptom {
  readonly phase: Phase;
  readonly status: string;
  /** Node's name of the cause, e.g. `ECONNREFUSED`. */
  readonly code?: string;
  /** The reply's code. */
  readonly reply?: number;
}

interface Hint extends Partial<Omit<Symptom, "phase">> {
  readonly phase?: Phase;
  readonly advice: string;
}

/** The likely fix in one sentence; the first row that agrees in all it names. */
export function adviceOn(symptom: Symptom): string | undefined {
  return HINTS.find(
    (hint) =>
      (hint.phase === undefined || hint.phase === symptom.phase) &&
      (hint.code === undefined || hint.code === symptom.code) &&
      (hint.reply === undefined || hint.reply === symptom.reply) &&
      (hint.status === undefined || hint.status === symptom.status),
  )?.advice;
}

const WRONG_MODE =
  "The server does not speak TLS first on this port. Use security \"starttls\" (587, 25) or another port (465).";
const NOT_TRUSTED =
  "The certificate is not signed by an authority this machine trusts. Give its authority as tls.ca.";

const HINTS: readonly Hint[] = [
  { code: "ECONNREFUSED", advice: "Nothing listens there. Check host and port: 465 for TLS, 587 for STARTTLS, 25 between servers." },
  { code: "ENOTFOUND", advice: "The host name does not exist. Check its spelling and the DNS of this machine." },
  { code: "EAI_AGAIN", advice: "DNS did not answer. Check the resolver of this machine." },
  { code: "EHOSTUNREACH", advice: "There is no route to the host. Check network and firewall." },
  { code: "ENETUNREACH", advice: "There is no route to the network. Check network and firewall; IPv6 may be missing here." },
  { code: "CERT_HAS_EXPIRED", advice: "The certificate of the server has expired; its operator has to renew it." },
  { code: "CERT_NOT_YET_VALID", advice: "The certificate is not valid yet. Check the clock of this machine." },
  { code: "ERR_TLS_CERT_ALTNAME_INVALID", advice: "The certificate is for another name. Connect to a name it lists, or set tls.servername." },
  { code: "DEPTH_ZERO_SELF_SIGNED_CERT", advice: NOT_TRUSTED },
  { code: "SELF_SIGNED_CERT_IN_CHAIN", advice: NOT_TRUSTED },
  { code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE", advice: NOT_TRUSTED },
  { code: "UNABLE_TO_GET_ISSUER_CERT_LOCALLY", advice: NOT_TRUSTED },
  { code: "ERR_SSL_WRONG_VERSION_NUMBER", advice: WRONG_MODE },
  { code: "ERR_SSL_PACKET_LENGTH_TOO_LONG", advice: WRONG_MODE },
  { code: "ERR_SSL_UNSUPPORTED_PROTOCOL", advice: "The server only speaks TLS versions before 1.2, which are broken (RFC 8996)." },
  { code: "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", advice: "The server refuses TLS 1.2 and 1.3; older versions are broken (RFC 8996)." },
  { phase: "connect", status: "4.4.1", advice: "The host did not answer. A firewall may drop the port; many networks block 25." },
  { phase: "greeting", status: "4.4.2", advice: "The server said nothing. If it expects TLS first (465), use security \"tls\"." },
  { phase: "greeting", reply: 554, advice: "The server refuses this client's address; ask its operator or use a submission server." },
  { phase: "starttls", status: "4.7.4", advice: "The server offers no STARTTLS. Use port 465, or name the risk: security \"opportunistic\" or \"none\"." },
  { phase: "auth", status: "4.7.11", advice: "Use TLS (security \"tls\" or \"starttls\"); to send the password in clear all the same, set insecureCleartextAuth." },
  { phase: "auth", reply: 535, advice: "User or password is wrong, or the service wants an app password or OAuth token." },
  { phase: "auth", reply: 534, advice: "The service wants a stronger login: an app password or an OAuth token." },
  { phase: "auth", reply: 454, advice: "The server cannot check logins just now." },
  { phase: "mail", reply: 530, advice: "The server wants a login first. Give auth: { user, pass }." },
  { phase: "rcpt", status: "5.7.1", advice: "The server relays only for users who log in, or not for this address." },
  { phase: "rcpt", status: "5.1.1", advice: "There is no such mailbox. Check the spelling; do not send there again." },
  { phase: "rcpt", status: "4.2.2", advice: "The mailbox is full." },
  { status: "5.3.4", advice: "The message is larger than the server takes. Send large files as links." },
  { status: "4.7.1", advice: "Often greylisting: the server takes it when tried again in some minutes." },
  { status: "5.7.26", advice: "The message fails SPF, DKIM or DMARC of its From domain." },
];
