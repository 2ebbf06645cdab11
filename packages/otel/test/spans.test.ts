import type { Mail, Message, Transport } from "@postroad/core";
import { compose, ConfigError, narrow, pick, wrap } from "@postroad/core";
import { smtp } from "@postroad/smtp";
import { SpanKind, SpanStatusCode, trace, context, diag } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { fake, testMiddleware } from "@postroad/testing";
import { modelPeer } from "@postroad/testing/peer";
import { describe, expect, it } from "vitest";
import { names, otel } from "../src/index.ts";
import { mailTo, sdk } from "./support.ts";

testMiddleware({ name: "otel without an SDK", open: otel() });
testMiddleware({
  name: "otel with the SDK",
  open(next) {
    return otel(sdk().telemetry)(next);
  },
});

function only(spans: readonly ReadableSpan[], kind: SpanKind): ReadableSpan {
  const found = spans.filter((span) => span.kind === kind);
  if (found[0] === undefined || found.length > 1) throw new Error(`${found.length} spans of kind ${SpanKind[kind]}`);
  return found[0];
}

describe("spans", () => {
  it("tell of a send, and of each server it talked to, as its children", async () => {
    await using kit = sdk();
    const next = fake({
      "ann@x.example": { kind: "accepted", status: "2.1.5", by: "smtp:a", remote: "mx1.x.example:25", reply: { code: 250, text: "ok" } },
      "bob@y.example": { kind: "rejected", status: "5.1.1", by: "smtp:b", remote: "[2001:db8::1]:2525", reply: { code: 550, text: "no bob" } },
    });
    const sent = compose(otel(kit.telemetry), next);
    await sent.send(mailTo("ann@x.example", "bob@y.example"));
    const spans = await kit.spans();
    const send = only(spans, SpanKind.INTERNAL);
    expect(send.name).toBe("send mail");
    expect(send.status).toEqual({ code: SpanStatusCode.ERROR, message: "5.1.1" });
    expect(send.attributes).toMatchObject({ [names.ACCEPTED]: 1, [names.REJECTED]: 1, [names.TRANSPORT]: "fake" });
    const [a, b] = spans.filter(({ kind }) => kind === SpanKind.CLIENT);
    expect(a?.parentSpanContext?.spanId).toBe(send.spanContext().spanId);
    expect(a?.status.code).toBe(SpanStatusCode.UNSET);
    expect(a?.attributes).toMatchObject({
      "server.address": "mx1.x.example",
      "server.port": 25,
      "network.transport": "tcp",
      "network.protocol.name": "smtp",
      "smtp.response.status_code": 250,
      "smtp.response.enhanced_status_code": "2.1.5",
    });
    expect(b?.attributes).toMatchObject({ "server.address": "2001:db8::1", "server.port": 2525, "error.type": "5.1.1" });
  });

  it("hold no address that stands in the name of a transport, and neither do metrics", async () => {
    await using kit = sdk();
    const name = 'route(ann@e.example=smtp:a "bob (b) b"@e.example=b,@=c)';
    const next = fake({ "ann@e.example": { kind: "accepted", by: name, remote: "mx:25" } }, { name });
    await compose(otel(kit.telemetry), otel(kit.telemetry), next).send(mailTo("ann@e.example"));
    await compose(otel(kit.telemetry), next).send(mailTo("ann@e.example"));
    const spans = await kit.spans();
    expect(spans.map((span) => span.name)).toContain("send route(…@…=smtp:a …@…=b,…@…=c)");
    const points = await Promise.all([names.OUTCOMES, names.SEND_DURATION].map((metric) => kit.points(metric)));
    const told = [spans.map((span) => [span.name, span.attributes]), points.flat().map(({ attributes }) => attributes)];
    expect(JSON.stringify(told)).not.toMatch(/ann|bob|e\.example/);
  });

  it("tell of every attempt where a second otel stands further in", async () => {
    await using kit = sdk();
    const next = fake({ "bob@x.example": ["deferred", { kind: "accepted", remote: "mx:25" }] });
    const again = compose(
      otel(kit.telemetry),
      (inner: Transport) =>
        wrap("again", inner, async (mail: Mail, how) => {
          const first = await inner.send(mail, how);
          const left = pick(mail, first, ({ kind }) => kind === "deferred");
          return left.length === 0 ? first : inner.send(narrow(mail, left), how);
        }),
      otel(kit.telemetry),
      next,
    );
    await again.send(mailTo("ann@x.example", "bob@x.example"));
    const spans = await kit.spans();
    const send = only(spans, SpanKind.INTERNAL);
    const attempts = spans.filter(({ kind }) => kind === SpanKind.CLIENT);
    expect(attempts.map(({ attributes }) => attributes[names.RECIPIENTS])).toEqual([2, 1]);
    for (const attempt of attempts) expect(attempt.parentSpanContext?.spanId).toBe(send.spanContext().spanId);
    expect(attempts[1]?.attributes["server.address"]).toBe("mx");
    expect((await kit.points(names.RETRIES)).map(({ value }) => value)).toEqual([1]);
    expect(await kit.points(names.SEND_DURATION)).toHaveLength(1);
  });

  it("tell of a real conversation", async () => {
    await using peer = await modelPeer({ recipients: { "full@x.example": "452 4.2.2 full" } });
    await using kit = sdk();
    const client = smtp(peer.url, { security: "none" });
    await using sent = compose(otel({ ...kit.telemetry, pool: () => client.stats() }), client);
    await sent.send(mailTo("ann@x.example", "full@x.example"));
    const conversation = only(await kit.spans(), SpanKind.CLIENT);
    expect(conversation.attributes).toMatchObject({
      "server.address": "127.0.0.1",
      "server.port": Number(new URL(peer.url).port),
      "network.protocol.name": "smtp",
      "smtp.response.status_code": 452,
      [names.ACCEPTED]: 1,
      [names.DEFERRED]: 1,
    });
    const idle = (await kit.points(names.POOL_CONNECTIONS)).find(({ attributes }) => attributes[names.POOL_STATE] === "idle");
    expect(idle?.value).toBe(1);
  });

  it("join what goes into a queue with what comes out, by the mail's meta", async () => {
    await using kit = sdk();
    const queue = fake({}, { name: "queue" });
    const client = fake();
    await kit.telemetry.tracer.startActiveSpan("request", async (request) => {
      await compose(otel({ ...kit.telemetry, producer: "outgoing" }), queue).send(mailTo("ann@x.example"));
      request.end();
    });
    const stored: unknown = JSON.parse(JSON.stringify(queue.calls[0]?.meta));
    const meta = Object.fromEntries(Object.entries(stored ?? {}).map(([key, value]) => [key, String(value)]));
    await compose(otel({ ...kit.telemetry, consumer: "outgoing" }), client).send({ ...mailTo("ann@x.example"), meta });

    const spans = await kit.spans();
    const producer = only(spans, SpanKind.PRODUCER);
    const consumer = only(spans, SpanKind.CONSUMER);
    expect(producer.name).toBe("send outgoing");
    expect(consumer.name).toBe("process outgoing");
    expect(consumer.parentSpanContext).toBeUndefined();
    expect(consumer.links.map((link) => link.context)).toMatchObject([
      { traceId: producer.spanContext().traceId, spanId: producer.spanContext().spanId },
    ]);
    expect(producer.attributes).toMatchObject({
      "messaging.system.name": "postroad",
      "messaging.operation.type": "send",
      "messaging.destination.name": "outgoing",
      "messaging.message.id": queue.calls[0]?.id,
      "messaging.message.envelope.size": queue.calls[0]?.bytes?.length,
    });
    expect(consumer.attributes["messaging.operation.type"]).toBe("process");
    expect(await kit.points(names.MESSAGING_SENT)).toHaveLength(1);
    expect(await kit.points(names.MESSAGING_PROCESS_DURATION)).toHaveLength(1);
  });

  it("are CONSUMER also where the queue's worker runs in the context of who put the mail in", async () => {
    await using kit = sdk();
    const worker = compose(otel({ ...kit.telemetry, consumer: "outgoing" }), fake());
    const queue = fake({}, { before: async ({ mail }) => void (await worker.send(mail)) });
    await compose(otel({ ...kit.telemetry, producer: "outgoing" }), queue).send(mailTo("ann@x.example"));
    const spans = await kit.spans();
    const producer = only(spans, SpanKind.PRODUCER).spanContext();
    expect(only(spans, SpanKind.CONSUMER).links[0]?.context.spanId).toBe(producer.spanId);
  });

  it("link to the context in meta where nothing else is active, and leave it there", async () => {
    await using kit = sdk();
    const next = fake();
    const sent = compose(otel(kit.telemetry), next);
    const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
    const meta = { traceparent, tracestate: "vendor=1" };
    await sent.send({ ...mailTo("ann@x.example"), meta });
    expect(next.calls[0]?.meta).toEqual(meta);
    const consumer = only(await kit.spans(), SpanKind.CONSUMER);
    expect(consumer.links[0]?.context).toMatchObject({ traceId: "a".repeat(32), spanId: "b".repeat(16), isRemote: true });
    expect(consumer.links[0]?.context.traceState?.get("vendor")).toBe("1");
  });

  it("put their context into meta where there is none", async () => {
    await using kit = sdk();
    const next = fake();
    const sent = compose(otel(kit.telemetry), next);
    await sent.send(mailTo("ann@x.example"));
    const { traceId, spanId } = only(await kit.spans(), SpanKind.INTERNAL).spanContext();
    expect(next.calls[0]?.meta["traceparent"]).toBe(`00-${traceId}-${spanId}-01`);
  });

  it("are active while the mail is sent", async () => {
    await using kit = sdk();
    let inside: string | undefined;
    const next = fake({}, { before: () => void (inside = trace.getSpan(context.active())?.spanContext().spanId) });
    await compose(otel(kit.telemetry), next).send(mailTo("ann@x.example"));
    expect(inside).toBe(only(await kit.spans(), SpanKind.INTERNAL).spanContext().spanId);
  });

  it("#75: hold no address, subject or reply, unless asked for by name", async () => {
    await using kit = sdk();
    await using open = sdk();
    const next = fake({ "ann@x.example": { kind: "rejected", remote: "mx:25", message: "550 <ann@x.example> is unknown", reply: { code: 550, text: "<ann@x.example> is unknown" } } });
    const mail: Message = { ...mailTo("ann@x.example"), fields: fields("Secret plans") };
    await compose(otel(kit.telemetry), next).send(mail);
    await compose(otel({ ...open.telemetry, record: ["sender", "recipients", "subject", "replies"] }), next).send(mail);
    const closed = JSON.stringify((await kit.spans()).map(said)) + JSON.stringify(await kit.points(names.OUTCOMES));
    for (const secret of ["ann@", "shop@", "Secret", "unknown"]) expect(closed).not.toContain(secret);
    const told = JSON.stringify((await open.spans()).map(said));
    for (const asked of ["ann@", "shop@", "Secret", "unknown"]) expect(told).toContain(asked);
  });
});

function said({ name, attributes, events, status, links }: ReadableSpan): unknown {
  return { name, attributes, events, status, links };
}

function fields(subject: string): Message["fields"] {
  const lists = { replyTo: [], to: [], cc: [], bcc: [], references: [], alternatives: [], headers: [], attachments: [] };
  return { ...lists, from: [{ address: "shop@example.org" }], subject, date: new Date(0), messageId: "<1@example.org>" };
}

describe("otel", () => {
  it("#79: sends all the same where telemetry throws, and says so in diag", async () => {
    const told: unknown[] = [];
    const quiet = (): void => undefined;
    diag.setLogger({ error: (...args) => told.push(args), warn: quiet, info: quiet, debug: quiet, verbose: quiet });
    await using kit = sdk();
    const tracer = {
      ...kit.telemetry.tracer,
      startSpan: () => {
        throw new Error("tracer is broken");
      },
    };
    const { outcomes } = await compose(otel({ meter: kit.telemetry.meter, tracer }), fake()).send(mailTo("ann@x.example"));
    diag.disable();
    expect(outcomes[0]?.kind).toBe("accepted");
    expect(String(told)).toContain("tracer is broken");
  });

  it("refuses options that are wrong or contradict each other", () => {
    // @ts-expect-error JavaScript callers can pass anything
    expect(() => otel({ record: ["subjects"] })).toThrow("must be a list of sender, recipients, subject, replies");
    expect(() => otel({ producer: "a", consumer: "a" })).toThrow(ConfigError);
    // @ts-expect-error JavaScript callers can pass anything
    expect(() => otel({ traser: 1 })).toThrow("did you mean tracer?");
  });
});
