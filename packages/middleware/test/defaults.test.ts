import type { Receipt } from "@postroad/core";
import { compose, ConfigError } from "@postroad/core";
import { createMessage } from "@postroad/message";
import { fake, testMiddleware } from "@postroad/testing";
import fc from "fast-check";
import PostalMime from "postal-mime";
import { describe, expect, it } from "vitest";
import { defaults } from "../src/index.ts";
import { messageTo, takingMail, textOf } from "./support.ts";

testMiddleware({
  name: "defaults",
  capabilities: ["rewrites"],
  open: (next) => takingMail(defaults({ headers: { "X-Environment": "staging" } })(next)),
});

describe("defaults", () => {
  it("adds header fields to fields and bytes alike, but for those the message has", async () => {
    const next = fake();
    const sent = compose(defaults({ headers: { "X-Env": "staging", "X-Own": "default" } }), next);
    const message = createMessage({ from: "a@x.example", to: "b@x.example", subject: "Hi", text: "Hi", headers: { "x-own": "mine" } });
    await sent.send(message);
    const parsed = await PostalMime.parse(await textOf(next.calls[0]?.mail));
    const told = parsed.headers.filter(({ key }) => key.startsWith("x-")).map(({ key, value }) => [key, value]);
    expect(told).toEqual([
      ["x-env", "staging"],
      ["x-own", "mine"],
    ]);
    expect(next.calls[0]?.mail).toMatchObject({ fields: { headers: [["x-own", "mine"], ["X-Env", "staging"]] } });
    const { content } = next.calls[0]?.mail ?? message;
    expect(content.size).toBe(message.content.size === undefined ? undefined : message.content.size + "X-Env: staging\r\n".length);
  });

  it("remembers no more than a hundred heads of one content", async () => {
    const next = fake();
    const message = messageTo("ann@x.example");
    const send = (value: number): Promise<Receipt> => compose(defaults({ headers: { "X-Env": String(value) } }), next).send(message);
    for (let value = 0; value <= 100; value += 1) await send(value);
    await send(100);
    await send(0);
    const contents = next.calls.map(({ mail }) => mail.content);
    expect(contents[101]).toBe(contents[100]);
    expect(contents[102]).not.toBe(contents[0]);
  });

  it("folds at spaces, so that unfolding gives the value back", async () => {
    const printable = fc.string({ unit: fc.constantFrom("a", "b", " ", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(printable, async (middle) => {
        const value = `<${middle}>`;
        const next = fake();
        await compose(defaults({ headers: { "X-Long": value } }), next).send(messageTo("ann@x.example"));
        const text = await textOf(next.calls[0]?.mail);
        const head = text.slice(0, text.indexOf("\r\nFrom:"));
        expect(head.replaceAll("\r\n ", " ")).toBe(`X-Long: ${value}`);
        for (const line of head.split("\r\n")) expect(line.trim()).not.toBe("");
      }),
    );
  });

  it("refuses what is decided elsewhere, and what must not stand in a header", () => {
    const wrong = ["From", "Subject", "Date", "Message-ID", "Content-Type", "DKIM-Signature", "X Y", "X:", ""];
    for (const name of wrong) expect(() => defaults({ headers: { [name]: "x" } })).toThrow(ConfigError);
    const values = ["", " x", "x ", "x\r\nBcc: y", "ü", "x".repeat(901)];
    for (const value of values) expect(() => defaults({ headers: { "X-Env": value } })).toThrow(ConfigError);
  });
});
