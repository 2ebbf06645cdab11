import { describe, expect, it } from "vitest";
import type { EnvelopeInput } from "../src/index.ts";
import { MessageError, createMessage } from "../src/index.ts";

const compose = (envelope: EnvelopeInput) => createMessage({ from: "a@x.example", to: "b@y.example", envelope });
const at = new Date("2030-01-02T03:04:05Z");

describe("when to deliver", () => {
  it("C46, C47, C49: goes into the envelope", () => {
    const { envelope } = compose({ holdUntil: at, priority: -3, deliverBy: { at, mode: "notify" } });
    expect(envelope).toMatchObject({ holdUntil: at.getTime(), priority: -3, deliverBy: { at: at.getTime(), mode: "notify" } });
    expect(compose({ deliverBy: { at } }).envelope.deliverBy).toEqual({ at: at.getTime(), mode: "return" });
    expect(compose({}).envelope).not.toHaveProperty("holdUntil");
  });

  it.each([
    [{ holdUntil: new Date(Number.NaN) }, "envelope.holdUntil"],
    [{ priority: 10 }, "envelope.priority"],
    [{ priority: 1.5 }, "envelope.priority"],
    [{ deliverBy: { at: new Date(Number.NaN) } }, "envelope.deliverBy.at"],
  ])("#73: refuses %j and names it", (envelope, path) => {
    expect(() => compose(envelope)).toThrow(MessageError);
    expect(() => compose(envelope)).toThrow(path);
  });
});
