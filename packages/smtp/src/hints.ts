import type { Hint } from "./advice.ts";

const WRONG_MODE =
  "The server does not speak TLS first on this port. Use security \"starttls\" (587, 25) or another port (465).";
const NOT_TRUSTED =
  "The certificate is not signed by an authority this machine trusts. Give its authority as tls.ca.";
const SILENT = "The server said nothing. If it expects TLS first (465), use security \"tls\".";
const RELAY = "The server relays only for users who log in: give auth, or check that the recipient's domain is its own.";
const GREYLISTED = "Often greylisting: the server takes it when it is tried again in some minutes.";
const TOO_LARGE = "The message is larger than the server or the mailbox takes. Send large files as links.";
const SPF = "The sending address is not allowed by SPF of the sender's domain. Add it to the record.";
const SPAM = "The server takes the message for spam, or for against its rules. Check SPF, DKIM, DMARC, links and content.";

/** The first row that fits counts, so the more particular ones stand first. */
export const HINTS: readonly Hint[] = [
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
  { phase: "greeting", status: "4.4.7", advice: SILENT },
  { phase: "greeting", status: "4.4.2", advice: SILENT },
  { phase: "greeting", reply: 554, advice: "The server refuses this client's address; ask its operator or use a submission server." },
  { phase: "starttls", status: "4.7.4", advice: "The server offers no STARTTLS. Use port 465, or name the risk: security \"opportunistic\" or \"none\"." },
  { phase: "auth", status: "4.7.11", advice: "Use TLS (security \"tls\" or \"starttls\"); to send the password in clear all the same, set insecureCleartextAuth." },
  { phase: "auth", reply: 535, advice: "User or password is wrong, or the service wants an app password or OAuth token." },
  { phase: "auth", reply: 534, advice: "The service wants a stronger login: an app password or an OAuth token." },
  { phase: "auth", reply: 454, advice: "The server cannot check logins just now." },
  { phase: "mail", reply: 530, advice: "The server wants TLS (security \"starttls\" or \"tls\") and then a login: auth: { user, pass }." },
  // What a server says of a recipient.
  { phase: "rcpt", status: "5.7.1", advice: RELAY },
  { phase: "rcpt", reply: 454, status: "4.7.1", advice: RELAY },
  { phase: "rcpt", status: "5.1.1", advice: "There is no such mailbox. Check the spelling; do not send there again." },
  { phase: "rcpt", status: "5.1.2", advice: "The domain does not take mail. Check its spelling." },
  { phase: "rcpt", status: "5.1.10", advice: "The domain takes no mail at all (RFC 7505). Check its spelling." },
  { phase: "rcpt", status: "5.2.1", advice: "The mailbox is switched off. Do not send there again." },
  { status: "4.2.2", advice: "The mailbox is full; it may be emptied, so trying again makes sense." },
  { status: "5.2.2", advice: "The mailbox is full, and the server does not want it tried again." },
  { phase: "rcpt", reply: 450, advice: GREYLISTED },
  { phase: "rcpt", reply: 451, status: "4.7.1", advice: GREYLISTED },
  { phase: "rcpt", status: "4.5.3", advice: "Too many recipients at once; the rest is sent in further transactions." },
  // What it says of the message.
  { status: "5.3.4", advice: TOO_LARGE },
  { status: "5.2.3", advice: TOO_LARGE },
  { phase: "final", reply: 552, advice: TOO_LARGE },
  { status: "4.3.1", advice: "The server is short of space, or the message is larger than it takes now." },
  // RFC 7372: what failed, by number.
  { status: "5.7.20", advice: "No DKIM signature passes. Sign for the From domain and check the published key." },
  { status: "5.7.23", advice: SPF },
  { status: "5.7.25", advice: "The sending address has no name in DNS that leads back to it (PTR). Its operator has to set one." },
  { status: "5.7.26", advice: "The message fails several checks of SPF, DKIM or DMARC of its From domain." },
  // Statuses that Google and Microsoft give a meaning of their own, as their sender guidelines list them.
  { status: "4.7.26", advice: "Gmail wants SPF or DKIM of the From domain to pass." },
  { status: "5.7.27", advice: SPF },
  { status: "4.7.27", advice: SPF },
  { phase: "mail", status: "5.7.30", advice: "The mail requires TLS all the way (REQUIRETLS, RFC 8689), which is not to be had here." },
  { status: "5.7.30", advice: "Gmail wants a passing DKIM signature of at least 1024 bits, better 2048." },
  { status: "4.7.30", advice: "Gmail wants a passing DKIM signature of at least 1024 bits, better 2048." },
  { status: "5.7.29", advice: "Gmail wants the connection to use TLS." },
  { status: "4.7.29", advice: "Gmail wants the connection to use TLS." },
  { status: "4.7.32", advice: "The From domain agrees with neither the SPF nor the DKIM domain (DMARC alignment)." },
  { status: "5.7.515", advice: "Outlook wants SPF, DKIM and DMARC of the From domain to pass and agree." },
  { status: "4.7.28", advice: "Too much mail, or too much of it unwanted, came from this address. Send more slowly." },
  { status: "5.7.28", advice: "Too much mail, or too much of it unwanted, came from this address. Send more slowly." },
  { phase: "final", status: "5.7.1", advice: SPAM },
  { phase: "final", status: "5.7.0", advice: SPAM },
  { phase: "data", status: "5.7.1", advice: SPAM },
  { phase: "mail", status: "5.7.1", advice: "This login may not send as this sender, or the server does not take mail from this address." },
  { phase: "mail", status: "5.1.8", advice: "The domain of the sender does not exist, or takes no mail." },
  { phase: "mail", status: "5.7.60", advice: "Exchange: this login lacks the right \"Send As\" for the sender." },
  { status: "4.7.1", advice: GREYLISTED },
];
