import type { Mail, Message, Middleware, Rewrite, Transport } from "@postroad/core";
import { compose } from "@postroad/core";
import { describe, expect, expectTypeOf, it } from "vitest";

// Nothing here runs: the compiler is the judge, and `pnpm typecheck` runs it over this file.
declare const retry: Middleware;
declare const otel: Middleware;
declare const dkim: Rewrite<Mail>;
declare const footer: Rewrite<Message>;
declare const render: Rewrite<Message, Mail>;
declare const smtp: Transport;
declare const provider: Transport<Message>;
declare function failover<M extends Mail>(...transports: Transport<M>[]): Transport<M>;
declare function drain(to: Transport): void;
declare const mail: Mail;
declare const message: Message;

/** Type-checks its argument without calling it. */
const never = (pipeline: () => unknown): void => expect(pipeline).toBeTypeOf("function");

describe("types of pipelines", () => {
  it("a middleware takes what the transport below it takes", () => {
    never(() => {
      expectTypeOf(compose(retry, smtp)).toEqualTypeOf<Transport>();
      expectTypeOf(compose(retry, provider)).toEqualTypeOf<Transport<Message>>();
      expectTypeOf(compose(otel, retry, dkim, smtp)).toEqualTypeOf<Transport>();
      expectTypeOf(compose(otel, footer, retry, dkim, retry, smtp)).toEqualTypeOf<Transport<Message>>();
      expectTypeOf(compose(retry, render, dkim, smtp)).toEqualTypeOf<Transport<Message>>();
    });
  });

  it("a composed message goes through a transport of bytes, bytes do not go through a provider", () => {
    never(() => smtp.send(message));
    // @ts-expect-error a bare Mail has no `fields` for the provider to take
    never(() => provider.send(mail));
    // @ts-expect-error a worker holds bare mail, which a provider does not take
    never(() => drain(provider));
  });

  it("a signature before a provider of fields does not compile", () => {
    // @ts-expect-error dkim hands on bytes, the provider takes fields
    never(() => compose(dkim, provider));
    never(() =>
      compose(
        otel,
        // @ts-expect-error the middlewares around change nothing about it, and the error is at the guilty layer
        dkim,
        retry,
        provider,
      ),
    );
  });

  it("editing after signing does not compile", () => {
    // @ts-expect-error dkim hands on bytes, footer edits fields
    never(() => compose(dkim, footer, smtp));
    never(() =>
      compose(
        retry,
        // @ts-expect-error the guilty layer is the one whose bytes the next edits, not the one that edits
        dkim,
        footer,
        otel,
        smtp,
      ),
    );
    never(() => compose(footer, dkim, smtp));
  });

  it("branches of different needs meet in the stricter one", () => {
    never(() => {
      expectTypeOf(failover(compose(dkim, smtp), provider)).toEqualTypeOf<Transport<Message>>();
      expectTypeOf(failover(compose(otel, smtp), smtp)).toEqualTypeOf<Transport>();
    });
  });

  it("a transport in the middle or a middleware at the end does not compile", () => {
    // @ts-expect-error the one transport stands last
    never(() => compose(smtp, retry));
    // @ts-expect-error a middleware alone sends nothing
    never(() => compose(retry, dkim));
  });

  it("ten layers infer without annotations", () => {
    never(() => {
      const ten = compose(otel, retry, footer, retry, otel, render, dkim, retry, otel, smtp);
      expectTypeOf(ten).toEqualTypeOf<Transport<Message>>();
    });
  });
});
