import type { Content, Mail } from "@postroad/core";
import { ConfigError, Refusal, compose, contentOf } from "@postroad/core";
import { fake, testMiddleware } from "@postroad/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { byDomain, byHeader, byMeta, byTlsRequired, route, split } from "../src/index.ts";
import { anyScript, kinds, mailTo, people } from "./support.ts";

testMiddleware({ name: "route", open: (next) => route(byDomain, { "example.net": next }) });
testMiddleware({ name: "route by header", open: (next) => route(byHeader("subject"), { Conformance: next }) });
testMiddleware({ name: "split", open: (next) => split()(next) });

const [ANN, BOB, CID, DAN] = people;

function withHeader(...lines: readonly string[]): Mail {
  return { ...mailTo(ANN), content: contentOf(Buffer.from([...lines, "", "X-Body: no", ""].join("\r\n"))) };
}

describe("route: byTlsRequired", () => {
  it.each([
    [["TLS-Required: No"], {}, "no"],
    [["Subject: x", "tls-required:", " no "], {}, "no"],
    [["TLS-Required: No"], { requireTls: true }, "yes"],
    [["TLS-Required: Never"], {}, "yes"],
    [["TLS-Required:"], {}, "yes"],
    [["Subject: TLS-Required: No"], {}, "yes"],
  ] as const)("C45: %j in the header and %j in the envelope: %s", async (lines, rest, way) => {
    const targets = { no: fake({}, { name: "no" }), yes: fake({}, { name: "yes" }) };
    await using routed = route(byTlsRequired, targets);
    const mail = withHeader(...lines);
    await routed.send({ ...mail, envelope: { ...mail.envelope, ...rest } });
    expect(Object.values(targets).filter(({ calls }) => calls.length > 0).map(({ name }) => name)).toEqual([way]);
  });
});

describe("route", () => {
  it("sends each recipient to the transport of their domain, with one receipt in order", async () => {
    const [x, rest] = [fake({ [BOB]: "rejected" }, { name: "x" }), fake({ [CID]: "deferred" }, { name: "rest" })];
    await using routed = route(byDomain, { "x.example": x, "*": rest });
    expect(routed.name).toBe("route(x rest)");
    expect(kinds(await routed.send(mailTo(CID, ANN, DAN, BOB)))).toEqual(["deferred", "accepted", "accepted", "rejected"]);
    expect(x.calls.map(({ recipients }) => recipients)).toEqual([[ANN, BOB]]);
    expect(rest.calls.map(({ recipients }) => recipients)).toEqual([[CID, DAN]]);
  });

  it("prefers the exact domain, then the longest that ends alike, then the rest", async () => {
    const target = (name: string) => fake({}, { name });
    await using routed = route(byDomain, {
      "*": target("rest"),
      "*.example.org": target("below"),
      "*.deep.example.org": target("deep"),
      "example.org": target("exact"),
      "Bücher.example": target("books"),
    });
    const to = async (...addresses: readonly string[]) => (await routed.send(mailTo(...addresses))).outcomes.map(({ by }) => by);
    expect(await to("a@EXAMPLE.org", "a@b.example.org", "a@deep.example.org", "a@b.c.deep.example.org")).toEqual([
      "exact",
      "below",
      "below",
      "deep",
    ]);
    expect(await to("a@notexample.org", "postmaster", "a@[192.0.2.1]", "a@constructor", "a@__proto__")).toEqual(
      Array.from({ length: 5 }, () => "rest"),
    );
    expect(await to("a@bücher.EXAMPLE", "a@xn--bcher-kva.example")).toEqual(["books", "books"]);
  });

  it("defers what it has no route for with 4.3.5, and sends the rest", async () => {
    await using routed = route(byDomain, { "x.example": fake() });
    const { outcomes } = await routed.send(mailTo(ANN, CID, "nobody"));
    expect(outcomes).toMatchObject([
      { kind: "accepted" },
      { kind: "deferred", status: "4.3.5", message: "no route for y.example" },
      { kind: "deferred", status: "4.3.5", message: "no route without a key" },
    ]);
    expect(outcomes[1]).not.toHaveProperty("uncertain");
  });

  it("routes by meta, by header or by any function, also one that waits", async () => {
    const [bulk, rest] = [fake({}, { name: "bulk" }), fake({}, { name: "rest" })];
    for (const by of [byMeta("tenant"), byHeader("x-stream"), async (mail: Mail) => mail.meta.tenant] as const) {
      await using routed = route(by, { blue: bulk, bulk, "*": rest });
      expect((await routed.send(mailTo(ANN))).outcomes).toMatchObject([{ by: "bulk" }]);
      await routed[Symbol.asyncDispose]();
    }
    expect(await byMeta("toString")(mailTo(ANN), { address: ANN }, {})).toBeUndefined();
  });

  it("reads a header field unfolded, in any case, the first of its name, and never from the body", async () => {
    const read = (name: string, mail: Mail) => byHeader(name)(mail, { address: ANN }, {});
    const mail = withHeader("Subject: a", " b\tc ", "SUBJECT: second", "X-Empty:");
    expect(await read("subject", mail)).toBe("a b\tc");
    expect(await read("X-Empty", mail)).toBe("");
    expect(await read("X-Body", mail)).toBeUndefined();
    expect(await read("ubject", mail)).toBeUndefined();
    expect(await read("X-Body", { ...mail, content: contentOf(Buffer.from("\r\nX-Body: no\r\n\r\n")) })).toBeUndefined();
  });

  it("finds the end of a header however its bytes are cut", async () => {
    const bytes = Buffer.from("Subject: Grüße\r\nX: 1\r\n\r\nX-Body: no\r\n\r\n");
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 50 }), async (size) => {
        const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
        const mail = { ...mailTo(ANN), content: { open: () => chunks } };
        expect(await byHeader("Subject")(mail, { address: ANN }, {})).toBe("Grüße");
        expect(await byHeader("X-Body")(mail, { address: ANN }, {})).toBeUndefined();
      }),
    );
  });

  it("a key that cannot be had is our trouble: deferred, and nothing sent", async () => {
    const endless: Content = { open: () => Array.from({ length: 300 }, () => Buffer.alloc(1024, "x")) };
    const broken: Content = {
      open() {
        throw new Error("no disk");
      },
    };
    const next = fake();
    await using routed = route(byHeader("subject"), { "*": next });
    for (const content of [endless, broken]) {
      const { outcomes } = await routed.send({ ...mailTo(ANN), content });
      expect(outcomes).toMatchObject([{ kind: "deferred", status: "4.3.5", by: "route(fake)" }]);
      expect(outcomes[0]).not.toHaveProperty("uncertain");
    }
    expect(next.calls).toHaveLength(0);
  });

  it("nothing is in doubt where the abort comes while the header is read", async () => {
    const stop = new AbortController();
    const content: Content = {
      async *open() {
        stop.abort(new Refusal("4.4.7", "too late"));
        yield Buffer.from("Subject: Hi\r\n\r\n");
      },
    };
    await using routed = route(byHeader("subject"), { "*": fake() });
    const { outcomes } = await routed.send({ ...mailTo(ANN), content }, stop);
    expect(outcomes).toMatchObject([{ kind: "deferred", status: "4.3.2" }]);
    expect(outcomes[0]).not.toHaveProperty("uncertain");
  });

  it("sends one mail to a transport that has several routes, and disposes it once", async () => {
    const next = fake();
    const routed = route(byDomain, { "x.example": next, "y.example": next, "*": next });
    await routed.send(mailTo(...people));
    expect(next.calls.map(({ recipients }) => recipients)).toEqual([[...people]]);
    await routed[Symbol.asyncDispose]();
    expect(next.disposed).toBe(1);
  });

  it("keeps the keys of its table, which may be addresses, out of its name", async () => {
    const [a, b] = [fake({}, { name: "a" }), fake({}, { name: "b" })];
    await using routed = route((_, { address }) => address, { "ann@e.example": a, "bob@e.example": a, "*": b });
    expect(routed.name).toBe("route(a b)");
  });

  it("refuses an empty table, a key twice, and what is no transport", () => {
    expect(() => route(byDomain, {})).toThrow(ConfigError);
    expect(() => route(byDomain, { "a.example": fake(), "A.example": fake() })).toThrow("A.example is there twice");
    // @ts-expect-error JavaScript callers can pass anything
    expect(() => route("domain", { "*": fake() })).toThrow("route: by must be a function");
    // @ts-expect-error JavaScript callers can pass anything
    expect(() => route(byDomain, { "*": "smtp" })).toThrow("must be a transport");
  });
});

describe("split", () => {
  it("sends to so many at once at most, and gives one receipt in order", async () => {
    const next = fake({ [BOB]: "rejected", [DAN]: "deferred" });
    await using parted = split({ max: 3 })(next);
    expect(kinds(await parted.send(mailTo(...people)))).toEqual(["accepted", "rejected", "accepted", "deferred"]);
    expect(next.calls.map(({ recipients }) => recipients)).toEqual([[ANN, BOB, CID], [DAN]]);
  });

  it("keeps lanes apart", async () => {
    const next = fake();
    await using parted = split({ by: byDomain, max: 1 })(next);
    await parted.send(mailTo(CID, ANN, DAN, BOB));
    expect(next.calls.map(({ recipients }) => recipients)).toEqual([[CID], [ANN], [BOB], [DAN]]);
  });

  it("has no more parts under way than allowed, and none begins after an abort", async () => {
    const next = fake();
    next.hold();
    await using parted = split({ max: 1, concurrency: 2 })(next);
    const stop = new AbortController();
    const sending = parted.send(mailTo(...people), stop);
    await next.call(2);
    expect(next.calls).toHaveLength(2);
    stop.abort();
    const { outcomes } = await sending;
    expect(outcomes.every((outcome) => outcome.kind === "deferred" && outcome.uncertain !== true)).toBe(true);
    expect(next.calls).toHaveLength(2);
  });

  it("leaves a mail that needs no splitting as it is", async () => {
    const next = fake();
    await using parted = split()(next);
    const mail = mailTo(...people);
    await parted.send(mail);
    expect(next.calls[0]?.mail).toBe(mail);
  });

  it("refuses options that are wrong", () => {
    expect(() => split({ max: 0 })).toThrow(ConfigError);
    expect(() => split({ concurrency: Infinity })).toThrow("split: concurrency must be");
    // @ts-expect-error JavaScript callers can pass anything
    expect(() => split({ by: "domain" })).toThrow("split: by must be a function");
  });
});

it("whatever becomes of the parts, routed or split: everybody has the outcome that was told of them, once", async () => {
  await fc.assert(
    fc.asyncProperty(anyScript, fc.shuffledSubarray([...people], { minLength: 1 }), fc.integer({ min: 1, max: 4 }), async (script, to, max) => {
      const [x, rest] = [fake(script), fake(script)];
      await using all = compose(split({ max }), route(byDomain, { "x.example": x, "*": rest }));
      const { outcomes } = await all.send(mailTo(...to));
      expect(outcomes.map(({ recipient }) => recipient)).toEqual(to);
      const told = [x, rest].flatMap(({ calls }) => calls.flatMap((call) => call.outcomes ?? []));
      expect(told).toHaveLength(to.length);
      for (const outcome of outcomes) expect(told).toContainEqual(outcome);
    }),
    { numRuns: 150 },
  );
});
