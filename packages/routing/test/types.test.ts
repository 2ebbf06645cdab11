import type { Mail, Message, Middleware, Rewrite, Transport } from "@postroad/core";
import { compose } from "@postroad/core";
import { describe, expect, expectTypeOf, it } from "vitest";
import { balance, byDomain, failover, health, rewrite, route, sendAll, split, tee } from "../src/index.ts";

// Nothing here runs: the compiler is the judge, and `pnpm typecheck` runs it over this file.
declare const dkim: Rewrite<Mail>;
declare const smtp: Transport;
declare const provider: Transport<Message>;
declare const pair: readonly Transport[];
declare const mails: readonly Mail[];
declare const messages: readonly Message[];

/** Type-checks its argument without calling it. */
const never = (pipeline: () => unknown): void => expect(pipeline).toBeTypeOf("function");

describe("types of composites", () => {
  it("failover(compose(dkim, smtp), provider) takes messages, without an annotation", () => {
    never(() => {
      expectTypeOf(failover(compose(dkim, smtp), provider)).toEqualTypeOf<Transport<Message>>();
      expectTypeOf(failover(provider, compose(dkim, smtp), { health: health() })).toEqualTypeOf<Transport<Message>>();
      expectTypeOf(failover(smtp, compose(dkim, smtp))).toEqualTypeOf<Transport>();
      expectTypeOf(failover(...pair)).toEqualTypeOf<Transport>();
    });
  });

  it("balance and route meet in what the strictest of theirs takes", () => {
    never(() => {
      expectTypeOf(balance([smtp, provider])).toEqualTypeOf<Transport<Message>>();
      expectTypeOf(balance([smtp, smtp], { strategy: "weighted", weights: [1, 2] })).toEqualTypeOf<Transport>();
      expectTypeOf(route(byDomain, { "a.example": smtp, "*": provider })).toEqualTypeOf<Transport<Message>>();
      expectTypeOf(route(byDomain, { "*": smtp })).toEqualTypeOf<Transport>();
    });
  });

  it("bare mail does not go through a composite with a provider in it", () => {
    // @ts-expect-error a worker's mail has no fields
    never(() => failover(smtp, provider).send(mails[0]));
    // @ts-expect-error nor have many
    never(() => sendAll(balance([smtp, provider]), mails));
    never(() => sendAll(balance([smtp, provider]), messages));
    never(() => sendAll(smtp, messages));
  });

  it("split, rewrite and tee take whatever mail the transport below them takes", () => {
    expectTypeOf(split).returns.toEqualTypeOf<Middleware>();
    never(() => {
      const wrapped = compose(split({ by: byDomain }), rewrite({}), tee(smtp, { onError: () => undefined }), provider);
      expectTypeOf(wrapped).toEqualTypeOf<Transport<Message>>();
    });
    // @ts-expect-error a signature before a provider of fields does not compile in a composite either
    never(() => failover(smtp, compose(dkim, provider)));
  });
});
