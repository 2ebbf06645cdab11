import type { Outcome, RefusalOptions } from "@postroad/core";
import { ConfigError, DeliveryError, Refusal, verdictOf } from "@postroad/core";
import { describe, expect, it } from "vitest";
import { accepted, deferred, rejected, told } from "./mails.ts";

const examples = {
  Refusal: () => new Refusal("4.4.1", "connection refused"),
  DeliveryError: () => new DeliveryError(told(["ann@x", rejected])),
  ConfigError: () => new ConfigError("smtp", [{ path: "port", message: "is missing" }]),
} as const;
const classes = { Refusal, DeliveryError, ConfigError } as const;
const names = ["Refusal", "DeliveryError", "ConfigError"] as const;

describe("errors", () => {
  it.each(names)("%s is told apart from the others and from anything else", (name) => {
    const error = examples[name]();
    expect(names.filter((other) => error instanceof classes[other])).toEqual([name]);
    for (const value of [new Error("no"), null, undefined, "4.0.0", 1, {}, () => undefined]) {
      expect(value instanceof classes[name]).toBe(false);
    }
  });

  it.each(names)("%s is an Error with its name and a stack", (name) => {
    const error = examples[name]();
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe(name);
    expect(String(error)).toBe(`${name}: ${error.message}`);
    expect(error.stack).toContain("test");
  });

  it("a subclass is its own kind, and of its parent's", () => {
    class Greylisted extends Refusal {}
    const [greylisted, refusal] = [new Greylisted("4.7.1", "later"), examples.Refusal()];
    expect([greylisted instanceof Greylisted, greylisted instanceof Refusal]).toEqual([true, true]);
    expect(refusal instanceof Greylisted).toBe(false);
  });

  it("brands do not show", () => {
    expect(Object.keys(examples.Refusal()).toSorted()).toEqual(["name", "options", "status"]);
  });
});

describe("Refusal", () => {
  it("keeps its facts, and the cause where errors keep theirs", () => {
    const cause = new Error("ECONNREFUSED");
    const refusal = new Refusal("4.4.1", "cannot connect", { cause, remote: "mx:25", phase: "connect" });
    expect(refusal).toMatchObject({
      status: "4.4.1",
      message: "cannot connect",
      options: { remote: "mx:25", phase: "connect" },
    });
    expect(refusal.cause).toBe(cause);
    expect(refusal.options).not.toHaveProperty("cause");
    expect("cause" in new Refusal("4.4.1", "none")).toBe(false);
  });

  const facts: RefusalOptions = {
    reply: { code: 450, text: "busy" },
    remote: "mx:25",
    retryAfter: 60_000,
    uncertain: true,
    phase: "data",
    advice: "Wait.",
    transcript: ["S: 450 busy"],
  };

  it("becomes a deferral with all its facts", () => {
    const cause = new Error("why");
    expect(verdictOf(new Refusal("4.2.1", "busy", { ...facts, cause }), "smtp:mx")).toEqual({
      kind: "deferred",
      status: "4.2.1",
      by: "smtp:mx",
      message: "busy",
      remote: "mx:25",
      reply: { code: 450, text: "busy" },
      retryAfter: 60_000,
      uncertain: true,
      diagnosis: { phase: "data", advice: "Wait.", transcript: ["S: 450 busy"], cause },
    });
  });

  it("becomes a rejection, which is never in doubt and never retried", () => {
    const verdict = verdictOf(new Refusal("5.1.1", "no such user", facts), "smtp:mx");
    expect(verdict).toMatchObject({ kind: "rejected", status: "5.1.1", remote: "mx:25" });
    expect(verdict).not.toHaveProperty("retryAfter");
    expect(verdict).not.toHaveProperty("uncertain");
  });

  it("without facts becomes a verdict without empty ones", () => {
    expect(verdictOf(new Refusal("4.0.0", "no"), "x")).toEqual({
      kind: "deferred",
      status: "4.0.0",
      by: "x",
      message: "no",
    });
  });
});

describe("DeliveryError", () => {
  it("says who was not accepted, and why; the receipt has the rest", () => {
    const got = told(["ann@x", accepted], ["bob@x", rejected], ["cid@x", deferred]);
    const error = new DeliveryError(got);
    expect(error.message).toBe("2 of 3 recipients not accepted: bob@x rejected 5.1.1 no; cid@x deferred 4.2.2 later");
    expect(error.receipt).toBe(got);
  });

  it("names three and counts the others", () => {
    const many = Array.from({ length: 1000 }, (_, index) => [`r${index}@x`, rejected] as const);
    const { message } = new DeliveryError(told(...many));
    expect(message).toMatch(
      /^1000 of 1000 recipients not accepted: r0@x .*; r1@x .*; r2@x rejected 5\.1\.1 no; and 997 more$/,
    );
    expect(new DeliveryError(told(...many.slice(0, 3))).message).not.toContain("more");
  });

  it("does not tell in its message what a diagnosis holds", () => {
    const verdict: Omit<Outcome & { kind: "deferred" }, "recipient"> = {
      kind: "deferred",
      status: "4.7.8",
      by: "smtp",
      message: "bad credentials",
      diagnosis: { cause: new Error("hunter2"), transcript: ["C: AUTH PLAIN ***"] },
    };
    const error = new DeliveryError(told(["ann@x", verdict]));
    expect(`${error.message} ${JSON.stringify(error)}`).not.toContain("hunter2");
  });
});

describe("ConfigError", () => {
  it("lists every issue with its path", () => {
    const error = new ConfigError("smtp", [
      { path: "port", message: "is missing" },
      { path: "", message: "needs a host" },
    ]);
    expect(error.message).toBe("smtp: port is missing; needs a host");
    expect(error.issues).toHaveLength(2);
  });
});
