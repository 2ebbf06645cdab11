import { compose } from "@postroad/core";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";
import { BatchSpanProcessor, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { fake } from "@postroad/testing";
import { describe, expect, it } from "vitest";
import { otel } from "../src/index.ts";
import { mailTo } from "./support.ts";

/** Exporters as they fail in practice. */
const exporters: Readonly<Record<string, (spans: readonly ReadableSpan[], done: (result: { code: number }) => void) => void>> = {
  hangs: () => undefined,
  "is down": (_, done) => done({ code: 1 }),
  throws() {
    throw new Error("exporter is broken");
  },
};

describe.each(Object.entries(exporters))("an exporter that %s", (_, run) => {
  let exported = 0;
  let first = Promise.withResolvers<void>();
  const exporter: SpanExporter = {
    export(spans, done) {
      exported += spans.length;
      first.resolve();
      run(spans, done);
    },
    shutdown: () => Promise.resolve(),
  };

  it.each([
    ["batch", "keeps no more than its queue and what is under way", [1, 15]],
    ["simple", "keeps none, but hands each over as it ends", [100, 100]],
  ] as const)("#79: holds up no mail, and the %s processor %s", async (kind, __, [least, most]) => {
    exported = 0;
    first = Promise.withResolvers();
    const batch = { exporter, maxQueueSize: 10, maxExportBatchSize: 5, scheduledDelayMillis: 1, exportTimeoutMillis: 50 };
    const processor = kind === "batch" ? new BatchSpanProcessor(batch) : new SimpleSpanProcessor({ exporter });
    const provider = new TracerProvider({ spanProcessors: [processor] });
    const sent = compose(otel({ tracer: provider.getTracer("test") }), fake());
    // Were one send to wait for the exporter, this would never end.
    const receipts = await Promise.all(Array.from({ length: 100 }, () => sent.send(mailTo("ann@x.example"))));
    expect(receipts.every(({ outcomes }) => outcomes[0]?.kind === "accepted")).toBe(true);
    await first.promise;
    expect(exported).toBeGreaterThanOrEqual(least);
    expect(exported).toBeLessThanOrEqual(most);
    await provider.shutdown().catch(() => undefined);
  });
});
