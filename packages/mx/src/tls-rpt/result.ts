/** What failed, in the words of TLS reports (RFC 8460 §4.3). */
export type TlsResult =
  | "starttls-not-supported"
  | "certificate-host-mismatch"
  | "certificate-expired"
  | "certificate-not-trusted"
  | "validation-failure"
  | "tlsa-invalid"
  | "dnssec-invalid"
  | "dane-required"
  | "sts-policy-fetch-error"
  | "sts-policy-invalid"
  | "sts-webpki-invalid";

const OF_CODES: ReadonlyMap<string, TlsResult> = new Map<string, TlsResult>([
  ["ERR_TLS_CERT_ALTNAME_INVALID", "certificate-host-mismatch"],
  ["HOSTNAME_MISMATCH", "certificate-host-mismatch"],
  ["CERT_HAS_EXPIRED", "certificate-expired"],
  ["CERT_NOT_YET_VALID", "certificate-not-trusted"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "certificate-not-trusted"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "certificate-not-trusted"],
  ["UNABLE_TO_GET_ISSUER_CERT", "certificate-not-trusted"],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "certificate-not-trusted"],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "certificate-not-trusted"],
  ["CERT_UNTRUSTED", "certificate-not-trusted"],
  ["CERT_REJECTED", "certificate-not-trusted"],
  ["CERT_REVOKED", "certificate-not-trusted"],
  ["CERT_SIGNATURE_FAILURE", "certificate-not-trusted"],
  ["CERT_CHAIN_TOO_LONG", "certificate-not-trusted"],
  ["INVALID_CA", "certificate-not-trusted"],
  ["INVALID_PURPOSE", "certificate-not-trusted"],
  ["PATH_LENGTH_EXCEEDED", "certificate-not-trusted"],
]);

/** What is wrong with a certificate, by the code that node:tls gives; undefined for what is no matter of certificates. */
export function resultOfCode(code: string): TlsResult | undefined {
  return OF_CODES.get(code);
}
