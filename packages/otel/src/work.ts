import type { Mail, Outcome, Receipt } from "@postroad/core";
import type { Attributes, Context, Span, SpanOptions } from "@opentelemetry/api";
import { SpanKind, SpanStatusCode, context, createContextKey, trace } from "@opentelemetry/api";
import { attributesOf, countAttributes, errorOf, messagingAttributes, transactionAttributes, withoutAddresses } from "./attributes.ts";
import type { Metrics } from "./metrics.ts";
import { retryCounter } from "./metrics.ts";
import * as names from "./names.ts";
import type { Personal, Resolved } from "./options.ts";
import { extract, inject } from "./trace-context.ts";

/** One send on its way. */
export interface Work<M extends Mail> {
  readonly context: Context;
  /** The mail to hand on, with the context in its meta. */
  readonly mail: M;
  end(report: Receipt): void;
}

/** The send that an otel further out has begun: what an inner one sees is an attempt of it. */
interface Outer {
  readonly mail: string;
  readonly retries: ReturnType<typeof retryCounter>;
  attempts: number;
}

const OUTER = createContextKey("postroad send");

function isOuter(value: unknown, mail: Mail): value is Outer {
  return typeof value === "object" && value !== null && "mail" in value && value.mail === mail.id;
}

/** Begins a span: an attempt of the send that goes on, or a send of its own. */
export function begin<M extends Mail>(mail: M, transport: string, options: Resolved, metrics: Metrics): Work<M> {
  const active = context.active();
  const found = active.getValue(OUTER);
  // What comes out of a queue is a send of its own, in whose context its worker may run.
  const outer = options.consumer === undefined && isOuter(found, mail) ? found : undefined;
  const { name, ...plan } = planOf(mail, transport, options, active, outer !== undefined);
  const span = options.tracer.startSpan(name, plan, active);
  const inside = trace.setSpan(active, span);
  const [started, startTime] = [performance.now(), Date.now()];
  const handed = inject(mail, span.spanContext(), options.producer !== undefined);

  function finish(outcomes: readonly Outcome[], more: Attributes): void {
    span.setAttributes({ ...countAttributes(outcomes), ...more });
    close(span, outcomes, options.record);
  }

  if (outer !== undefined) {
    outer.attempts += 1;
    const again = outer.retries.count(mail);
    if (again > 0) metrics.retried(again);
    const end = ({ outcomes }: Receipt): void => finish(outcomes, transactionAttributes(outcomes));
    return { context: inside.deleteValue(OUTER), mail: handed, end };
  }

  const own: Outer = { mail: mail.id, retries: retryCounter(), attempts: 0 };
  return {
    context: inside.setValue(OUTER, own),
    mail: handed,
    end(report) {
      metrics.settled(report, (performance.now() - started) / 1000);
      if (own.attempts === 0) transactions(report, options, inside, startTime);
      finish(report.outcomes, {});
    },
  };
}

/** Where it stands decides what kind of span it is. */
function planOf(
  mail: Mail,
  transport: string,
  { producer, consumer, record }: Resolved,
  active: Context,
  isAttempt: boolean,
): SpanOptions & { readonly name: string } {
  const attributes = attributesOf(mail, transport, record);
  if (producer !== undefined) {
    const more = messagingAttributes(mail, "send", producer);
    return { name: `send ${producer}`, kind: SpanKind.PRODUCER, attributes: { ...attributes, ...more } };
  }
  if (isAttempt) return { name: `send ${withoutAddresses(transport)}`, kind: SpanKind.CLIENT, attributes };
  // Under a span of this process the mail's own context has been said already, or is not where it came from.
  const isAlone = consumer !== undefined || trace.getSpan(active) === undefined;
  const origin = isAlone ? extract(mail.meta) : undefined;
  if (origin === undefined && consumer === undefined) return { name: "send mail", kind: SpanKind.INTERNAL, attributes };
  const more = messagingAttributes(mail, "process", consumer);
  const links = origin === undefined ? [] : [{ context: origin }];
  const name = consumer === undefined ? "process mail" : `process ${consumer}`;
  return { name, kind: SpanKind.CONSUMER, attributes: { ...attributes, ...more }, links };
}

/** One span for each server that the outcomes tell of. They cannot tell when: their times are those of the send. */
function transactions({ outcomes }: Receipt, { tracer, record }: Resolved, parent: Context, startTime: number): void {
  const servers = new Map<string, Outcome[]>();
  for (const outcome of outcomes) {
    if (outcome.remote === undefined) continue;
    const key = `${outcome.by} ${outcome.remote}`;
    const known = servers.get(key);
    if (known === undefined) servers.set(key, [outcome]);
    else known.push(outcome);
  }
  for (const said of servers.values()) {
    const attributes = { ...transactionAttributes(said), ...countAttributes(said), [names.RECIPIENTS]: said.length };
    const name = `send ${withoutAddresses(said[0]?.by ?? "")}`;
    close(tracer.startSpan(name, { kind: SpanKind.CLIENT, startTime, attributes }, parent), said, record);
  }
}

function close(span: Span, outcomes: readonly Outcome[], record: ReadonlySet<Personal>): void {
  const error = errorOf(outcomes);
  if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: error });
  if (record.has("replies")) {
    const messages = outcomes.map((outcome) => outcome.reply?.text ?? (outcome.kind === "accepted" ? "" : outcome.message));
    span.setAttribute(names.MESSAGES, messages);
  }
  span.end();
}
