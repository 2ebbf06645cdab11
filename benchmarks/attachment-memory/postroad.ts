import { deliver } from "@postroad/core";
import { createMessage, file } from "@postroad/message";
import { smtp } from "@postroad/smtp";
import type { Open } from "./attach.ts";
import { MAIL } from "./attach.ts";

export const postroad: Open = (port) => {
  const transport = smtp({ host: "127.0.0.1", port, security: "none" });
  return {
    async send(path) {
      const attachments = path === undefined ? [] : [await file(path)];
      await deliver(transport, createMessage({ ...MAIL, attachments }));
    },
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  };
};
