import type { KeyType } from "@postroad/dkim";

/** Signs a mail and gives the number of bytes that would leave. */
export type Sign = (mail: Uint8Array) => Promise<number>;

/** Makes a signer of a private key in PEM. */
export type MakeSign = (type: KeyType, key: string) => Sign;
