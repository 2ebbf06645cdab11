import { Buffer } from "node:buffer";
import { buffer } from "node:stream/consumers";
import DKIM from "nodemailer/lib/dkim/index.js";
import type { MakeSign } from "./sign.ts";

/** Knows RSA alone. */
export const nodemailer: MakeSign = (_, privateKey) => {
  const signer = new DKIM({ domainName: "shop.example", keySelector: "s", privateKey });
  return async (mail) => (await buffer(signer.sign(Buffer.from(mail.buffer, mail.byteOffset, mail.byteLength)))).byteLength;
};
