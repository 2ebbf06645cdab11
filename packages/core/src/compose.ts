import { ConfigError } from "./errors.ts";
import type { Mail } from "./mail.ts";
import type { Transport } from "./transport.ts";

/** Wraps any transport and hands on the mail as it is: retry, limit, traces. */
export type Middleware = <M extends Mail>(next: Transport<M>) => Transport<M>;

/** Wraps a transport and hands on other bytes: a signature, a footer. Takes `In`, gives `Out`. */
export type Rewrite<In extends Mail, Out extends Mail = In> = (next: Transport<Out>) => Transport<In>;

/** Anything that can stand in a pipeline: a wrapper, or the transport at its end. */
export type Layer = Rewrite<never, Mail> | Transport<never>;

/** The mail that a pipeline of these layers takes: what its first Rewrite takes, else what its transport takes. */
export type Takes<Layers extends readonly unknown[]> = Layers extends readonly [infer First, ...infer Rest]
  ? Rest extends readonly []
    ? First extends Transport<infer M> ? M : never
    : First extends Middleware ? Takes<Rest>
    : First extends Rewrite<infer In, infer _Out> ? In : never
  : never;

/** What each layer has to be, given those after it. This is where a wrong layer fails to compile. */
type Fits<Layers extends readonly unknown[]> = Layers extends readonly [infer First, ...infer Rest]
  ? Rest extends readonly []
    ? readonly [Transport<never>]
    : readonly [First extends Middleware ? unknown : Rewrite<never, Takes<Rest>>, ...Fits<Rest>]
  : readonly [];

type Fit<Layers extends readonly unknown[], Index> = Index extends keyof Fits<Layers> ? Fits<Layers>[Index] : unknown;

/**
 * One transport from layers, in the order mail travels: `compose(otel(), retry(s), dkim(k), smtp(url))` is seen by
 * otel first and sent by smtp last. A layer whose output the next one does not take is a type error at that layer.
 * A wrapper written in place needs the type of its parameter: `(next: Transport<Message>) => …`.
 */
export function compose<const Layers extends readonly [Layer, ...Layer[]]>(
  ...layers: { readonly [Index in keyof Layers]: Layers[Index] & Fit<Layers, Index> }
): Transport<Takes<Layers>>;
export function compose(...layers: readonly Layer[]): Transport<never> {
  const last = layers.at(-1);
  if (last === undefined || !isTransport(last)) throw misplaced(layers.length - 1, "a transport", last);
  return layers.slice(0, -1).reduceRight((next: Transport<never>, layer, index) => {
    if (!isWrapper(layer)) throw misplaced(index, "a middleware", layer);
    return layer(next);
  }, last);
}

function isWrapper(layer: Layer): layer is Rewrite<never, never> {
  return typeof layer === "function";
}

/** Without types anything may stand there, null included. */
function isTransport(layer: unknown): layer is Transport<never> {
  return typeof layer === "object" && layer !== null && "send" in layer && typeof layer.send === "function";
}

function misplaced(index: number, wanted: string, got: unknown): ConfigError {
  const found = isTransport(got) || typeof got === "function" ? got.name || "an unnamed function" : got === undefined ? "nothing" : `a value of type ${typeof got}`;
  const message = `must be ${wanted}, not ${found}; layers come first and the one transport last`;
  return new ConfigError("compose", [{ path: `[${Math.max(index, 0)}]`, message }]);
}
