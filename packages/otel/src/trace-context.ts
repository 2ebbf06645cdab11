import type { Mail } from "@postroad/core";
import type { SpanContext } from "@opentelemetry/api";
import { createTraceState, isSpanContextValid } from "@opentelemetry/api";

/** Version, trace id, span id, flags; later versions may add more (W3C Trace Context §3.2). */
const TRACEPARENT = /^(?!ff)([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/;

/** The least that a tracestate may be cut to (W3C Trace Context §3.3.1.5). */
const LONGEST_STATE = 512;

/** The mail with the span's context in its meta, where a queue keeps it. `replace` also puts it in place of another. */
export function inject<M extends Mail>(mail: M, span: SpanContext, replace: boolean): M {
  if (!isSpanContextValid(span) || (!replace && mail.meta["traceparent"] !== undefined)) return mail;
  const { tracestate: _, ...meta } = mail.meta;
  const flags = (span.traceFlags & 0xff).toString(16).padStart(2, "0");
  const traceparent = `00-${span.traceId}-${span.spanId}-${flags}`;
  const tracestate = span.traceState?.serialize() ?? "";
  const hasState = tracestate !== "" && tracestate.length <= LONGEST_STATE;
  return { ...mail, meta: { ...meta, traceparent, ...(hasState && { tracestate }) } };
}

/** The context of the span that put the mail into a queue, where its meta has one. */
export function extract({ traceparent = "", tracestate = "" }: Mail["meta"]): SpanContext | undefined {
  const [, version, traceId = "", spanId = "", flags = "", more] = TRACEPARENT.exec(traceparent) ?? [];
  if (version === "00" && more !== undefined) return undefined;
  const found: SpanContext = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  if (!isSpanContextValid(found)) return undefined;
  const hasState = tracestate !== "" && tracestate.length <= LONGEST_STATE;
  return hasState ? { ...found, traceState: createTraceState(tracestate) } : found;
}
