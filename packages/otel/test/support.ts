import type { Mail } from "@postroad/core";
import { contentOf, envelope } from "@postroad/core";
import { context } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import type { MetricData } from "@opentelemetry/sdk-metrics";
import { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";

/** The SDK as an application sets it up; there is one context manager for all of a process. */
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

export function sdk() {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter: metricExporter, exportIntervalMillis: 3_600_000 });
  const meterProvider = new MeterProvider({ readers: [reader] });
  return {
    /** Options for otel. */
    telemetry: { tracer: provider.getTracer("test"), meter: meterProvider.getMeter("test") },
    /** The spans that were exported, in the order they ended. */
    async spans(): Promise<readonly ReadableSpan[]> {
      await provider.forceFlush();
      return exporter.getFinishedSpans();
    },
    /** What was exported of a metric: its points, with their attributes. */
    async points(name: string): Promise<MetricData["dataPoints"]> {
      metricExporter.reset();
      await meterProvider.forceFlush();
      const all = metricExporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics));
      return all.find(({ descriptor }) => descriptor.name === name)?.dataPoints ?? [];
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await provider.shutdown();
      await meterProvider.shutdown();
    },
  };
}

let made = 0;

export function mailTo(...to: readonly string[]): Mail {
  made += 1;
  const content = contentOf(Buffer.from("Subject: Secret plans\r\n\r\nHello\r\n"));
  return { id: `mail-${made}`, envelope: envelope("shop@example.org", to), content, meta: {} };
}
