import type { Transport } from "@postroad/core";
import { compose, ConfigError, narrow } from "@postroad/core";
import { dkim, generateKey } from "@postroad/dkim";
import { createMessage } from "@postroad/message";
import { fake, testMiddleware } from "@postroad/testing";
import { createServer } from "node:http";
import { once } from "node:events";
import fc from "fast-check";
import PostalMime from "postal-mime";
import { describe, expect, it } from "vitest";
import type { Subscription, UnsubscribeHandlerOptions } from "../src/index.ts";
import { defaults, unsubscribe, unsubscribeHandler } from "../src/index.ts";
import { messageTo, takingMail, textOf } from "./support.ts";

const secret = "a secret of thirty-two bytes or more";
const url = "https://shop.example/unsubscribe?lang=en";

testMiddleware({
  name: "unsubscribe",
  capabilities: ["rewrites"],
  open: (next) => takingMail(unsubscribe({ url, secret })(next)),
});

/** The value of a header field, unfolded. */
function field(text: string, name: string): string | undefined {
  const header = text.slice(0, text.indexOf("\r\n\r\n")).replaceAll(/\r\n(?=[ \t])/g, "");
  return header.split("\r\n").find((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`))?.slice(name.length + 1).trim();
}

async function linkFor(address: string, options = {}): Promise<string> {
  const next = fake();
  await compose(unsubscribe({ url, secret, ...options }), next).send(messageTo(address));
  return /<(https:[^>]+)>/.exec(field(await textOf(next.calls[0]?.mail), "List-Unsubscribe") ?? "")?.[1] ?? "";
}

function handler(options: Partial<UnsubscribeHandlerOptions> = {}) {
  const gone: Subscription[] = [];
  return { gone, handle: unsubscribeHandler({ secret, onUnsubscribe: (who) => void gone.push(who), ...options }) };
}

const ONE_CLICK = { "List-Unsubscribe": "One-Click" };

describe("unsubscribe", () => {
  it("L1 L2: adds an https link of the recipient's own, an address, and the one-click field, exactly", async () => {
    const next = fake();
    await compose(unsubscribe({ url, secret, mailto: "leave@shop.example" }), next).send(messageTo("ann@x.example"));
    const text = await textOf(next.calls[0]?.mail);
    const link = /^<(https:\/\/shop\.example\/unsubscribe\?lang=en&token=[\w-]+)>, <mailto:leave@shop\.example\?subject=unsubscribe%20[\w-]+>$/;
    expect(field(text, "List-Unsubscribe")).toMatch(link);
    expect(field(text, "List-Unsubscribe-Post")).toBe("List-Unsubscribe=One-Click");
    expect((await PostalMime.parse(text)).subject).toBe("Hello");
  });

  it("gives each recipient another link, and a mail sent again the same bytes", async () => {
    const next = fake();
    const sent = compose(unsubscribe({ url, secret }), next);
    const message = messageTo("ann@x.example", "bob@x.example");
    await sent.send(message);
    await sent.send(message);
    const [ann, bob, annAgain] = await Promise.all(next.calls.map(({ mail }) => textOf(mail)));
    expect(ann).not.toBe(bob);
    expect(annAgain).toBe(ann);
    expect(next.calls.map(({ recipients }) => recipients.length)).toEqual([1, 1, 1, 1]);
  });

  it("gives a mail sent again the same content, which dkim signs once", async () => {
    const next = fake();
    const { privateKey: key } = await generateKey({ type: "ed25519" });
    let now = Date.UTC(2026, 10, 22);
    const sign = dkim({ domain: "shop.example", selector: "s", key, timestamp: true }, { clock: () => (now += 1000) });
    const sent = compose(defaults({ headers: { "X-Env": "staging" } }), unsubscribe({ url, secret }), sign, next);
    const to = ["ann@x.example", "bob@x.example"];
    const message = createMessage({ from: "shop@shop.example", to, subject: "Hi", text: "Hi" });
    await sent.send(message);
    await sent.send(message);
    await sent.send(narrow(message, [{ address: "ann@x.example" }]));
    const [ann, bob, ...again] = next.calls.map(({ mail }) => mail.content);
    expect(ann).not.toBe(bob);
    expect(again.map((content) => (content === ann ? "ann" : content === bob ? "bob" : "new"))).toEqual(["ann", "bob", "ann"]);
  });

  it("L3: is covered by DKIM where it stands before it, and does not compile behind it", async () => {
    const next = fake();
    const { privateKey: key } = await generateKey({ type: "ed25519" });
    const sign = dkim({ domain: "shop.example", selector: "s", key });
    const sent = compose(unsubscribe({ url, secret }), sign, next);
    await sent.send(createMessage({ from: "shop@shop.example", to: "ann@x.example", subject: "Hi", text: "Hi" }));
    const signed = /h=([^;]+)/.exec(field(await textOf(next.calls[0]?.mail), "DKIM-Signature") ?? "")?.[1] ?? "";
    expect(signed.toLowerCase().split(/[\s:]+/)).toEqual(expect.arrayContaining(["list-unsubscribe", "list-unsubscribe-post"]));
    // @ts-expect-error what is signed must not be changed
    compose(sign, unsubscribe({ url, secret }), next);
  });

  it("keeps what was accepted where a later send throws or is aborted", async () => {
    const stop = new AbortController();
    const next = fake({}, { before: ({ recipients }) => (recipients[0] === "cid@x.example" ? stop.abort() : undefined) });
    const broken: Transport = {
      ...next,
      send(mail, how) {
        if (mail.envelope.to[0]?.address === "bob@x.example") throw new Error("thrown");
        return next.send(mail, how);
      },
    };
    const sent = compose(unsubscribe({ url, secret }), broken);
    const message = messageTo("ann@x.example", "bob@x.example", "cid@x.example", "dan@x.example");
    expect((await sent.send(message, stop)).outcomes).toMatchObject([
      { kind: "accepted" },
      { kind: "deferred", status: "4.3.0", uncertain: true },
      { recipient: "cid@x.example" },
      { kind: "deferred", status: "4.3.2", by: "unsubscribe" },
    ]);
  });

  it("leaves a message alone that says itself how to unsubscribe", async () => {
    const next = fake();
    const message = messageTo("ann@x.example", "bob@x.example");
    const headers = [["list-unsubscribe", "<https://other.example/>"]] as const;
    await compose(unsubscribe({ url, secret }), next).send({ ...message, fields: { ...message.fields, headers } });
    expect(next.calls.map(({ recipients }) => recipients)).toEqual([["ann@x.example", "bob@x.example"]]);
  });

  it("refuses a URL that is not https, a short secret without showing it, and a list that is too long", () => {
    const wrong = ["http://shop.example/", "shop.example", "https://u:p@shop.example/", "https://shop.example/#a", "https://shop.example/?token=1", `https://shop.example/${"a".repeat(400)}`];
    for (const bad of wrong) expect(() => unsubscribe({ url: bad, secret })).toThrow(ConfigError);
    expect(() => unsubscribe({ url, secret: "hunter2" })).toThrow(/^(?!.*hunter2).*secret must be/);
    expect(() => unsubscribe({ url, secret: [] })).toThrow(ConfigError);
    expect(() => unsubscribe({ url, secret, list: "x".repeat(256) })).toThrow("255 octets");
    expect(() => unsubscribe({ url, secret, mailto: "a@b>, <c" })).toThrow(ConfigError);
  });
});

describe("unsubscribeHandler", () => {
  it("L4: unsubscribes on a POST of the form, in either encoding, without cookies or redirects", async () => {
    const { gone, handle } = handler();
    const link = await linkFor("ann@x.example", { list: "news" });
    const multipart = new FormData();
    multipart.set("List-Unsubscribe", "One-Click");
    for (const body of [new URLSearchParams(ONE_CLICK), multipart]) {
      const response = await handle(new Request(link, { method: "POST", body }));
      expect(response.status).toBe(200);
      expect(response.headers.get("location")).toBeNull();
      expect(response.headers.get("set-cookie")).toBeNull();
    }
    expect(gone).toEqual(Array.from({ length: 2 }, () => ({ address: "ann@x.example", list: "news" })));
  });

  it("L4: never unsubscribes on GET or HEAD, but shows a form that does", async () => {
    const { gone, handle } = handler();
    const link = await linkFor("ann@x.example");
    const page = await (await handle(new Request(link))).text();
    expect((await handle(new Request(link, { method: "HEAD" }))).status).toBe(200);
    expect(gone).toEqual([]);
    expect(page).toContain('<form method="post">');
    expect(page).toContain('name="List-Unsubscribe" value="One-Click"');
    expect(page).not.toContain("ann@");
  });

  it("L4: works behind a real server", async () => {
    const { gone, handle } = handler();
    const server = createServer((incoming, outgoing) => {
      void (async () => {
        const chunks: Buffer[] = [];
        for await (const chunk of incoming) chunks.push(Buffer.from(chunk));
        const headers = new Headers({ "content-type": incoming.headers["content-type"] ?? "" });
        const body = incoming.method === "POST" ? { body: Buffer.concat(chunks) } : {};
        const response = await handle(new Request(`https://shop.example${incoming.url ?? ""}`, { method: incoming.method ?? "GET", headers, ...body }));
        outgoing.writeHead(response.status).end(await response.text());
      })();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" ? address?.port : undefined;
    const { pathname, search } = new URL(await linkFor("ann@x.example"));
    const { status } = await fetch(`http://127.0.0.1:${port}${pathname}${search}`, { method: "POST", body: new URLSearchParams(ONE_CLICK) });
    server.closeAllConnections();
    server.close();
    expect(status).toBe(200);
    expect(gone).toEqual([{ address: "ann@x.example", list: "" }]);
  });

  it("L4: refuses what is not the form, whatever it is", async () => {
    const { gone, handle } = handler();
    const link = await linkFor("ann@x.example");
    const bodies = [null, "", "List-Unsubscribe=One-Click", new URLSearchParams({ a: "b" }), new URLSearchParams({ ...ONE_CLICK, more: "x".repeat(5000) })];
    for (const body of bodies) expect((await handle(new Request(link, { method: "POST", body }))).status).toBe(400);
    const put = await handle(new Request(link, { method: "PUT" }));
    expect([put.status, put.headers.get("allow")]).toEqual([405, "GET, HEAD, POST"]);
    expect(gone).toEqual([]);
  });

  it("L4: takes only tokens that were sealed with one of its secrets, and shows nobody what is in them", async () => {
    const link = await linkFor("ann@x.example");
    const token = new URL(link).searchParams.get("token") ?? "";
    expect(Buffer.from(token, "base64url").toString()).not.toContain("ann");
    const rotated = handler({ secret: ["another secret, which is new, and long", secret] });
    expect((await rotated.handle(new Request(link, { method: "POST", body: new URLSearchParams(ONE_CLICK) }))).status).toBe(200);
    const other = handler({ secret: "another secret, which is new, and long" });
    expect((await other.handle(new Request(link))).status).toBe(404);
    expect((await handler().handle(new Request(url))).status).toBe(404);
  });

  it("L4: opens what was sealed, and no token in which a bit was changed", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ minLength: 1, maxLength: 60 }), fc.string({ maxLength: 20 }), fc.nat(), async (address, list, at) => {
        const { gone, handle } = handler();
        const link = new URL(await linkFor(address, { list: () => list }));
        const post = (): Promise<Response> => handle(new Request(link, { method: "POST", body: new URLSearchParams(ONE_CLICK) }));
        expect((await post()).status).toBe(200);
        expect(gone).toEqual([{ address, list }]);
        const bytes = Buffer.from(link.searchParams.get("token") ?? "", "base64url");
        const index = at % bytes.length;
        bytes[index] = (bytes[index] ?? 0) ^ (1 << at % 8);
        link.searchParams.set("token", bytes.toString("base64url"));
        expect((await post()).status).toBe(404);
      }),
      { numRuns: 50 },
    );
  });

  it("throws what onUnsubscribe throws, so that nobody is told a lie", async () => {
    const { handle } = handler({ onUnsubscribe: () => Promise.reject(new Error("database is down")) });
    const request = new Request(await linkFor("ann@x.example"), { method: "POST", body: new URLSearchParams(ONE_CLICK) });
    await expect(handle(request)).rejects.toThrow("database is down");
  });

  it("shows the page it is given", async () => {
    const { handle } = handler({ page: (form) => `<h1>Shop</h1>${form ?? "Bye"}` });
    const link = await linkFor("ann@x.example");
    expect(await (await handle(new Request(link))).text()).toMatch(/^<h1>Shop<\/h1><form/);
    const done = await handle(new Request(link, { method: "POST", body: new URLSearchParams(ONE_CLICK) }));
    expect(await done.text()).toBe("<h1>Shop</h1>Bye");
  });
});
