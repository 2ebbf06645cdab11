/** What can be wrong with a key, and what to do about it. None of it quotes the key. */
const FAULTS = {
  isPublic: () => "is a public key; signing takes the private one, and the public one goes into DNS",
  isShort: (bits: string) =>
    `is an RSA key of ${bits} bits; DKIM needs 1024 and should have 2048 (RFC 8301 §3.2), generateKey makes one`,
  isDamaged: () => "cannot be read: it is cut off or damaged; copy the whole file again",
  isCutOff: () => "has no END line: it is cut off; copy the whole file again",
  needsPassphrase: () => "is encrypted; give its passphrase too",
  isLocked: () => "is encrypted, and not with this passphrase",
  isOpenSsh: () => "is in OpenSSH's own format; convert a copy with: ssh-keygen -p -m PKCS8 -f <copy>",
  isOfOtherType: (type: string) =>
    `is a key of type ${type}; DKIM has RSA and Ed25519 (RFC 8301, RFC 8463), generateKey makes one`,
  isCertificate: () => "is a certificate; signing takes the private key that belongs to it",
  isNoKey: () => "is no private key: give PEM, the 32 bytes of an Ed25519 seed (or their base64), or a KeyObject",
} as const;

/** Thrown while a key is read, and made part of a ConfigError by whoever knows which option it was. */
export class KeyFault extends Error {
  readonly fault: keyof typeof FAULTS;

  constructor(fault: keyof typeof FAULTS, message: string) {
    super(message);
    this.name = "KeyFault";
    this.fault = fault;
  }
}

export function keyFault(fault: keyof typeof FAULTS, detail: string = ""): KeyFault {
  return new KeyFault(fault, FAULTS[fault](detail));
}
