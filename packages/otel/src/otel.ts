import type { Middleware } from "@postroad/core";
import { wrap } from "@postroad/core";
import { context } from "@opentelemetry/api";
import { makeMetrics } from "./metrics.ts";
import { observePool, observeQueue } from "./observe.ts";
import type { OtelOptions, Resolved } from "./options.ts";
import { resolveOptions } from "./options.ts";
import { quietly } from "./quietly.ts";
import { begin } from "./work.ts";

/**
 * A span for every send, with one for every server it talked to, and metrics. The context travels in the mail's meta, so
 * that what comes out of a queue is linked to what went in. A second otel further in, say between a retry and its
 * transport, makes a span of every attempt.
 *
 * Nothing is awaited, and what telemetry throws goes to OpenTelemetry's `diag` log: no exporter can hold up mail. Spans
 * hold no addresses, subjects or replies, but for what `record` names.
 */
export function otel(options: OtelOptions = {}): Middleware {
  const resolved = resolveOptions(options);
  return (next) => {
    const metrics = makeMetrics(resolved, next.name);
    const watched = watch(resolved);
    return wrap(
      "otel",
      next,
      async (mail, sending) => {
        const work = quietly(() => begin(mail, next.name, resolved, metrics));
        if (work === undefined) return next.send(mail, sending);
        const report = await context.with(work.context, () => next.send(work.mail, sending));
        quietly(() => work.end(report));
        return report;
      },
      { dispose: () => watched.forEach((each) => each[Symbol.dispose]()) },
    );
  };
}

function watch({ meter, pool, queue, producer, consumer }: Resolved): readonly Disposable[] {
  const name = producer ?? consumer;
  return [
    ...(pool === undefined ? [] : [observePool(pool, { meter })]),
    ...(queue === undefined ? [] : [observeQueue(queue, { meter, ...(name !== undefined && { name }) })]),
  ];
}
