import type { Receipt } from "@postroad/core";
import { compose, ConfigError, contentOf } from "@postroad/core";
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

  it("sets Reply-To where a message has none, in fields and bytes, and keeps its own", async () => {
    const next = fake();
    const sent = compose(defaults({ replyTo: "Zoë, \"Shop\" <help@shop.example>".replaceAll('"', "'") }), next);
    await sent.send(messageTo("ann@x.example"));
    await sent.send(createMessage({ from: "a@x.example", to: "b@x.example", subject: "Hi", text: "Hi", replyTo: "own@x.example" }));
    const [added, kept] = next.calls.map(({ mail }) => mail);
    expect(added).toMatchObject({ fields: { replyTo: [{ name: "Zoë, 'Shop'", address: "help@shop.example" }] } });
    expect((await PostalMime.parse(await textOf(added))).replyTo).toEqual([{ name: "Zoë, 'Shop'", address: "help@shop.example" }]);
    expect(kept).toMatchObject({ fields: { replyTo: [{ address: "own@x.example" }] } });
    expect((await PostalMime.parse(await textOf(kept))).replyTo).toEqual([{ name: "", address: "own@x.example" }]);
  });

  it("sets From where a message has none, and leaves the envelope", async () => {
    const next = fake();
    const sent = compose(defaults({ from: { name: 'Ann "A" \\ Smith', address: "ann@shop.example" } }), next);
    const message = messageTo("bob@x.example");
    const text = (await textOf(message)).replace(/^From:.*\r\n/m, "");
    await sent.send({ ...message, fields: { ...message.fields, from: [] }, content: contentOf(Buffer.from(text)) });
    await sent.send(message);
    const [added, kept] = next.calls.map(({ mail }) => mail);
    expect(added).toMatchObject({ envelope: message.envelope, fields: { from: [{ name: 'Ann "A" \\ Smith', address: "ann@shop.example" }] } });
    expect((await PostalMime.parse(await textOf(added))).from).toEqual({ name: 'Ann "A" \\ Smith', address: "ann@shop.example" });
    expect(kept).toBe(message);
  });

  it("whatever the name: it is read back by a parser, in lines that may be sent", async () => {
    const names = fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }).map((text) => text.replaceAll(/[\p{C}\s]/gu, "").toWellFormed());
    const tricky = fc.oneof(names, fc.constantFrom("=?utf-8?Q?x?=", '"', "\\", "a, b <c@d>", "(x)"));
    await fc.assert(
      fc.asyncProperty(tricky, async (name) => {
        const next = fake();
        await compose(defaults({ replyTo: { address: "help@shop.example", name } }), next).send(messageTo("ann@x.example"));
        const text = await textOf(next.calls[0]?.mail);
        expect((await PostalMime.parse(text)).replyTo).toEqual([{ name, address: "help@shop.example" }]);
        const head = text.slice(0, text.indexOf("\r\nFrom:"));
        expect(head).toMatch(/^[ -~\r\n]*$/);
        expect(head.includes("=?")).toBe(/=\?|[^ -~]/.test(name));
        for (const line of head.split("\r\n")) expect(line.length).toBeLessThanOrEqual(998);
      }),
    );
  });

  it.each(["", "ann", "ann@", "a b@x.example", "ann@x.example, bob@x.example", "ann@bücher.example", "jörg@x.example", "A <a@x.example>\r\nBcc: b", 7, null, { address: "a@x", name: 7 }, { address: "a@x", name: "\0" }])(
    "#1: %j is no address for a header",
    (given) => {
      expect(() => Reflect.apply(defaults, undefined, [{ from: given }])).toThrow(ConfigError);
      expect(() => Reflect.apply(defaults, undefined, [{ replyTo: given }])).toThrow(ConfigError);
    },
  );

  it("refuses what is decided elsewhere, and what must not stand in a header", () => {
    const wrong = ["From", "Subject", "Date", "Message-ID", "Content-Type", "DKIM-Signature", "X Y", "X:", ""];
    for (const name of wrong) expect(() => defaults({ headers: { [name]: "x" } })).toThrow(ConfigError);
    const values = ["", " x", "x ", "x\r\nBcc: y", "ü", "x".repeat(901)];
    for (const value of values) expect(() => defaults({ headers: { "X-Env": value } })).toThrow(ConfigError);
  });
});
