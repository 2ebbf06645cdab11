import { compose, contentOf, deliver, envelope, receipt, transport } from "@postroad/core";
import { dkim } from "@postroad/dkim";
import type { MakeSign } from "./sign.ts";

/** The whole middleware, around a transport that takes the mail and does nothing with it. */
export const postroad: MakeSign = (_, key) => {
  let size = 0;
  const sink = transport("sink", async (mail) => {
    size = mail.content.size ?? 0;
    return receipt(mail, { kind: "accepted", status: "2.0.0", by: "sink" });
  });
  const pipeline = compose(dkim({ domain: "shop.example", selector: "s", key }), sink);
  const to = envelope("orders@shop.example", ["ann@example.net"]);
  return async (mail) => {
    await deliver(pipeline, { id: "1", envelope: to, content: contentOf(mail), meta: {} });
    return size;
  };
};
