import { createTransport } from "nodemailer";
import type { Open } from "./attach.ts";
import { MAIL } from "./attach.ts";

export const nodemailer: Open = (port) => {
  const transport = createTransport({ pool: true, host: "127.0.0.1", port, ignoreTLS: true });
  return {
    async send(path) {
      const { accepted } = await transport.sendMail({ ...MAIL, attachments: path === undefined ? [] : [{ path }] });
      if (accepted.length !== 1) throw new Error("the recipient was not accepted");
    },
    async [Symbol.asyncDispose]() {
      transport.close();
    },
  };
};
