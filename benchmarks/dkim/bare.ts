import { Buffer } from "node:buffer";
import { createPrivateKey, sign } from "node:crypto";
import type { MakeSign } from "./sign.ts";

/** About the header that a signature covers. */
const HEADER_SIZE = 600;

/** The signature of so many bytes, in the thread pool. Ed25519 signs a hash. */
export const bare: MakeSign = (type, pem) => {
  const key = createPrivateKey(pem);
  const data = Buffer.alloc(type === "rsa" ? HEADER_SIZE : 32, "x");
  return (mail) =>
    new Promise((resolve, reject) => {
      sign(type === "rsa" ? "sha256" : null, data, key, (error, signature) => {
        if (error === null) resolve(mail.byteLength + signature.byteLength);
        else reject(error);
      });
    });
};
