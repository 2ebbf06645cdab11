import { Buffer } from "node:buffer";
import { dkimSign } from "mailauth/lib/dkim/sign.js";
import type { MakeSign } from "./sign.ts";

export const mailauth: MakeSign = (type, privateKey) => {
  const signer = { signingDomain: "shop.example", selector: "s", privateKey, algorithm: `${type}-sha256` };
  return async (mail) => {
    const { signatures } = await dkimSign(Buffer.from(mail.buffer, mail.byteOffset, mail.byteLength), {
      ...signer,
      canonicalization: "relaxed/relaxed",
      signatureData: [{ ...signer }],
    });
    return Buffer.concat([Buffer.from(signatures), mail]).byteLength;
  };
};
