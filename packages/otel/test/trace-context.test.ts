import type { SpanContext } from "@opentelemetry/api";
import { createTraceState } from "@opentelemetry/api";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { extract, inject } from "../src/index.ts";
import { mailTo } from "./support.ts";

const hex = (length: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...Array.from("0123456789abcdef")), minLength: length, maxLength: length }).filter((id) => /[^0]/.test(id));

describe("trace context", () => {
  it("comes out of meta as it went in", () => {
    fc.assert(
      fc.property(hex(32), hex(16), fc.integer({ min: 0, max: 255 }), (traceId, spanId, traceFlags) => {
        const { meta } = inject(mailTo("ann@x.example"), { traceId, spanId, traceFlags }, false);
        expect(extract(meta)).toEqual({ traceId, spanId, traceFlags, isRemote: true });
      }),
    );
  });

  it("takes nothing that is not a traceparent, and never throws", () => {
    const wrong = [
      "",
      `00-${"0".repeat(32)}-${"b".repeat(16)}-01`,
      `00-${"a".repeat(32)}-${"0".repeat(16)}-01`,
      `ff-${"a".repeat(32)}-${"b".repeat(16)}-01`,
      `00-${"A".repeat(32)}-${"b".repeat(16)}-01`,
      `00-${"a".repeat(32)}-${"b".repeat(16)}-01-more`,
      `00-${"a".repeat(32)}-${"b".repeat(16)}-01\r\n`,
    ];
    for (const traceparent of wrong) expect(extract({ traceparent })).toBeUndefined();
    fc.assert(fc.property(fc.string(), fc.string(), (traceparent, tracestate) => void extract({ traceparent, tracestate })));
    expect(extract({ traceparent: `01-${"a".repeat(32)}-${"b".repeat(16)}-01-later` })?.traceFlags).toBe(1);
  });

  it("replaces another context only where told to, and with it its state", () => {
    const span: SpanContext = { traceId: "a".repeat(32), spanId: "b".repeat(16), traceFlags: 1 };
    const mail = { ...mailTo("ann@x.example"), meta: { traceparent: "other", tracestate: "other=1", tenant: "t" } };
    expect(inject(mail, span, false)).toBe(mail);
    expect(inject(mail, span, true).meta).toEqual({ traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01`, tenant: "t" });
    const traceState = createTraceState("mine=1");
    expect(inject(mail, { ...span, traceState }, true).meta["tracestate"]).toBe("mine=1");
    expect(inject(mail, { ...span, traceId: "0".repeat(32) }, true)).toBe(mail);
  });
});
