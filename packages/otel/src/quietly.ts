import { diag } from "@opentelemetry/api";

/** What telemetry throws goes to OpenTelemetry's own log: it is never the mail's fault, nor its outcome. */
export function quietly<T>(what: () => T): T | undefined {
  try {
    return what();
  } catch (error) {
    diag.error("@postroad/otel", error);
    return undefined;
  }
}
