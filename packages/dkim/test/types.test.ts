import type { Mail, Message, Middleware, Rewrite, Transport } from "@postroad/core";
import { compose } from "@postroad/core";
import { describe, expect, expectTypeOf, it } from "vitest";
import type { Signer } from "../src/index.ts";
import { arc, dkim } from "../src/index.ts";

// Nothing here runs: the compiler is the judge.
declare const key: Signer;
declare const provider: Transport<Message>;
declare const smtp: Transport;
declare const retry: Middleware;
declare const footer: Rewrite<Message>;
declare function failover<M extends Mail>(...transports: Transport<M>[]): Transport<M>;

/** Type-checks its argument without calling it. */
const never = (pipeline: () => unknown): void => expect(pipeline).toBeTypeOf("function");

describe("types", () => {
  it("#70: a signature before a provider, which takes fields, does not compile", () => {
    // @ts-expect-error dkim hands on bytes, the provider takes fields
    never(() => compose(dkim(key), provider));
    // @ts-expect-error what stands between changes nothing about it
    never(() => compose(retry, dkim([key]), retry, provider));
    // @ts-expect-error a seal is over bytes too
    never(() => compose(arc({ ...key, authServId: "mx.example" }), provider));
  });

  it("#70: changing fields after signing does not compile", () => {
    // @ts-expect-error dkim hands on bytes, footer changes fields
    never(() => compose(dkim(key), footer, smtp));
    never(() => compose(footer, dkim(key), smtp));
  });

  it("what is signed goes over SMTP, and what is not to a provider", () => {
    never(() => {
      expectTypeOf(dkim(key)).toEqualTypeOf<Rewrite<Mail>>();
      expectTypeOf(compose(retry, dkim(key), smtp)).toEqualTypeOf<Transport>();
      expectTypeOf(failover(compose(dkim(key), smtp), provider)).toEqualTypeOf<Transport<Message>>();
    });
  });

  it("signers are one, several, or what a function gives", () => {
    never(() => dkim((domain) => (domain === "shop.example" ? [key] : undefined)));
    never(() => dkim(async () => key));
    // @ts-expect-error a signer has a key
    never(() => dkim({ domain: "shop.example", selector: "s" }));
    // @ts-expect-error there is no l=
    never(() => dkim({ ...key, bodyLength: 5 }));
  });
});
