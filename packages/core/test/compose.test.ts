import type { Layer } from "../src/compose.ts";
import type { Mail, Middleware } from "@postroad/core";
import { ConfigError, compose, receipt, transport, wrap } from "@postroad/core";
import { describe, expect, it } from "vitest";
import { accepted, mailTo } from "./mails.ts";

/** A middleware that writes down when a mail goes in and comes out. */
function noting(name: string, log: string[]): Middleware {
  return (next) =>
    wrap(name, next, async (mail, options) => {
      log.push(`${name} in`);
      const got = await next.send(mail, options);
      log.push(`${name} out`);
      return got;
    });
}

function sink(log: string[]): ReturnType<typeof transport> {
  return transport("sink", async (mail: Mail) => {
    log.push("sink");
    return receipt(mail, accepted);
  });
}

/** Calls compose as JavaScript can, without a compiler. */
function composeAnything(...layers: readonly unknown[]): unknown {
  // @ts-expect-error the compiler would not let most of these through
  return compose(...layers);
}

describe("compose", () => {
  it("is read in the order mail travels", async () => {
    const log: string[] = [];
    const pipeline = compose(noting("first", log), noting("second", log), sink(log));
    await pipeline.send(mailTo("ann@x"));
    expect(log).toEqual(["first in", "second in", "sink", "second out", "first out"]);
  });

  it("prints as an expression", () => {
    expect(compose(noting("otel", []), noting("retry", []), sink([])).name).toBe("otel(retry(sink))");
  });

  it("of a transport alone is that transport", () => {
    const alone = sink([]);
    expect(compose(alone)).toBe(alone);
  });

  it("of a composition is one composition", async () => {
    const log: string[] = [];
    const inner = compose(noting("inner", log), sink(log));
    await compose(noting("outer", log), inner).send(mailTo("ann@x"));
    expect(log.slice(0, 3)).toEqual(["outer in", "inner in", "sink"]);
  });

  it("disposes the whole, from the first to the last", async () => {
    let disposed = 0;
    const last = transport("last", async (mail) => receipt(mail, accepted), { dispose: () => void (disposed += 1) });
    await compose(noting("a", []), noting("b", []), last)[Symbol.asyncDispose]();
    expect(disposed).toBe(1);
  });

  const named: Layer = function retry(next) {
    return next;
  };

  it.each([
    [[], "[0] must be a transport, not nothing"],
    [[named], "[0] must be a transport, not retry"],
    [[named, undefined], "[1] must be a transport, not nothing"],
    [[named, null], "[1] must be a transport, not a value of type object"],
    [[{}], "[0] must be a transport, not a value of type object"],
    [[(next: unknown) => next, named], "[1] must be a transport, not retry"],
    [[sink([]), sink([])], "[0] must be a middleware, not sink"],
    [[named, sink([]), named, sink([])], "[1] must be a middleware, not sink"],
  ])("refuses layers in the wrong place: %#", (layers, message) => {
    expect(() => composeAnything(...layers)).toThrow(ConfigError);
    expect(() => composeAnything(...layers)).toThrow(
      `compose: ${message}; layers come first and the one transport last`,
    );
  });
});
