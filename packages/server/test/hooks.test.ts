import { runInNewContext } from "node:vm";
import { fake } from "@postroad/testing/fake";
import type { Transport } from "@postroad/core";
import { describe, expect, it } from "vitest";
import type { MxOptions, Policy } from "../src/index.ts";
import { createServer } from "../src/index.ts";
import { dial } from "./client.ts";
import { ENVELOPE, MESSAGE, mx, plainLogin, submission } from "./support.ts";

/** Never settles. */
const hang = (): Promise<never> => new Promise(() => undefined);

/** Of another realm: it can be waited for, and is no instance of what is Promise here. */
const ForeignPromise: PromiseConstructor = runInNewContext("Promise");
const hangElsewhere = (): Promise<never> => new ForeignPromise(() => undefined);

function policy(step: Partial<Policy>): Partial<MxOptions> {
  return { policies: [{ name: "hung", ...step }], timeouts: { hook: 50 } };
}

describe("hooks that do not settle", () => {
  it.each([
    ["connect", policy({ connect: hang }), [], /^421 4\.3\.0 /],
    ["MAIL", policy({ sender: hang }), ENVELOPE.slice(0, 2), /^451 4\.3\.0 /],
    ["RCPT", policy({ recipient: hang }), ENVELOPE, /^451 4\.3\.0 /],
    ["recipient", { recipient: hang, timeouts: { hook: 50 } }, ENVELOPE, /^451 4\.3\.0 /],
    ["recipient, with a thenable that is no Promise", { recipient: hangElsewhere, timeouts: { hook: 50 } }, ENVELOPE, /^451 4\.3\.0 /],
    ["the message, with a thenable that is no Promise", policy({ message: hangElsewhere }), [...ENVELOPE, "DATA", `${MESSAGE}\r\n.`], /^451 4\.3\.0 /],
    ["the message", policy({ message: hang }), [...ENVELOPE, "DATA", `${MESSAGE}\r\n.`], /^451 4\.3\.0 /],
  ])("U21: at %s are a fault of ours, and the connection goes on or ends", async (_, options, commands, reply) => {
    await using running = await mx(options);
    await using client = await dial(running.port);
    const greeting = await client.reply();
    expect(commands.length === 0 ? greeting : await client.say(...commands)).toMatch(reply);
    expect(await running.event("error")).toMatchObject({ error: { message: expect.stringContaining("has not settled in 50 milliseconds") } });
  });

  it("U7: a login that is not checked in time is a 454", async () => {
    await using running = await submission({ authenticate: hang, insecureCleartextAuth: true, timeouts: { hook: 50 } });
    await using client = await running.dial();
    expect(await client.say("EHLO client.example", plainLogin("ann@example.org", "s3cret"))).toMatch(/^454 4\.7\.0 logins cannot be checked/);
  });

  it("U21: a thenable that settles in time is what the hook gives", async () => {
    const soon = (known: boolean): Promise<boolean> => new ForeignPromise((resolve) => void setTimeout(resolve, 5, known));
    expect(soon(true)).not.toBeInstanceOf(Promise);
    await using running = await mx({ recipient: ({ address }) => soon(address === "ann@example.org"), timeouts: { hook: 5000 } });
    await using client = await running.dial();
    expect(await client.say(...ENVELOPE)).toMatch(/^250 /);
    expect(await client.say("RCPT TO:<bob@example.org>")).toMatch(/^550 /);
  });

  it("hooks are called as methods of their policy", async () => {
    const counting = { name: "counting", count: 0, async sender() { this.count += 1; } };
    await using running = await mx({ policies: [counting] });
    await using client = await running.dial();
    expect(await client.say(...ENVELOPE)).toMatch(/^250 /);
    expect(counting.count).toBe(1);
  });

  it("U19: hold up no shutdown", async () => {
    const running = await mx({ policies: [{ name: "hung", connect: hang }], timeouts: { shutdown: 30 } });
    await using client = await dial(running.port);
    while (running.events.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await running.server[Symbol.asyncDispose]();
    expect(running.to.disposed).toBe(1);
    expect(await client.rest()).toBe("");
  });
});

describe("disposing", () => {
  it("disposes bounce although to throws, and says what it threw", async () => {
    const to: Transport = { ...fake(), [Symbol.asyncDispose]: () => Promise.reject(new Error("the store is stuck")) };
    const bounce = fake();
    const server = createServer({ mode: "mx", to, bounce, recipient: () => true });
    await expect(server[Symbol.asyncDispose]()).rejects.toThrow("the store is stuck");
    expect(bounce.disposed).toBe(1);
  });
});
