import type { Content, Mail, Transport } from "@postroad/core";
import { compose, merge, pick, readAll, receipt, reseal, transport, wrap } from "@postroad/core";
import type { ReceivedMail } from "../src/index.ts";
import { taking, testMiddleware, testTransport } from "../src/index.ts";

/** The smallest transport that keeps to the contract: ten lines, and no record of its other side. */
testTransport({
  name: "a transport in three lines",
  open: () => transport("sink", async (mail) => receipt(mail, { kind: "accepted", status: "2.0.0", by: "sink" })),
});

/** One that takes more than plain mail, as providers do. */
testTransport({
  name: "a transport of tagged mail",
  open() {
    const provider = transport("provider", async (mail: Mail & { readonly tag: string }) =>
      receipt(mail, { kind: "accepted", status: "2.0.0", by: "provider", ref: mail.tag }),
    );
    return taking(provider, (mail) => ({ ...mail, tag: "conformance" }));
  },
});

/** One that reads, and can be looked into. */
testTransport({
  name: "a transport into an array",
  capabilities: ["reads", "rejects", "defers"],
  open() {
    const received: ReceivedMail[] = [];
    const array = transport("array", async (mail: Mail) => {
      const content = await readAll(mail.content);
      const got = receipt(mail, ({ address }) => {
        if (address.startsWith("rejected")) return { kind: "rejected", status: "5.1.1", by: "array", message: "no" };
        if (address.startsWith("deferred")) return { kind: "deferred", status: "4.2.2", by: "array", message: "later" };
        return { kind: "accepted", status: "2.0.0", by: "array" };
      });
      const to = pick(mail, got, ({ kind }) => kind === "accepted").map(({ address }) => address);
      if (to.length > 0) received.push({ to, content });
      return got;
    });
    return { transport: array, received: () => received };
  },
});

const passing = (next: Transport): Transport => wrap("passing", next, (mail, options) => next.send(mail, options));

/** Sends to the deferred once more. */
const twice = (next: Transport): Transport =>
  wrap("twice", next, async (mail: Mail, options) => {
    const first = await next.send(mail, options);
    const left = pick(mail, first, ({ kind }) => kind === "deferred");
    if (left.length === 0 || options.signal?.aborted === true) return first;
    const again = { ...mail, envelope: { ...mail.envelope, to: left } };
    return merge(mail, first, await next.send(again, options));
  });

/** Puts a field in front of the content, which is read as it travels. */
const stamping = (next: Transport): Transport =>
  wrap("stamping", next, (mail: Mail, options) => next.send(reseal(mail, stamped(mail.content)), options));

function stamped(content: Content): Content {
  return {
    async *open() {
      yield Buffer.from("X-Stamp: yes\r\n");
      yield* content.open();
    },
  };
}

testMiddleware({ name: "a middleware that does nothing", open: passing });
testMiddleware({ name: "a middleware that sends again", open: twice, capabilities: ["resends"] });
testMiddleware({ name: "a middleware that rewrites", open: stamping, capabilities: ["rewrites"] });
testMiddleware({ name: "a composition", open: (next) => compose(passing, twice, next), capabilities: ["resends"] });
