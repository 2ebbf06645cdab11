import type { Mail, Middleware, Rules, Transport } from "@postroad/core";
import { checkOptions, isFunction, isInteger, merge, narrow, wrap } from "@postroad/core";
import type { By } from "./by.ts";
import { keysOf, lanesOf } from "./by.ts";
import { pooled } from "./pooled.ts";
import { sendTo } from "./several.ts";

export interface SplitOptions {
  /** Recipients of one key go together, e.g. `byDomain`. @default all go together */
  readonly by?: By;
  /** Recipients per mail at most. A server has to take 100 (RFC 5321 §4.5.3.1.8). @default 100 */
  readonly max?: number;
  /** Parts of one mail under way at once. @default 8 */
  readonly concurrency?: number;
}

const rules: Rules<SplitOptions> = { by: isFunction, max: isInteger(1), concurrency: isInteger(1, 10_000) };

/** Sends a mail for many as several for fewer, and gives one receipt, in the order of the envelope. */
export function split(options: SplitOptions = {}): Middleware {
  checkOptions("split", options, rules);
  const { by = () => undefined, max = 100, concurrency = 8 } = options;
  return <M extends Mail>(next: Transport<M>): Transport<M> =>
    wrap("split", next, async (mail: M, sending) => {
      const lanes = [...lanesOf(mail, await keysOf(mail, by, sending)).values()];
      const parts = lanes.flatMap((lane) => chunks(lane, max));
      return merge(mail, ...(await pooled(parts, concurrency, (part) => sendTo(next, part, sending))));
    });
}

function chunks<M extends Mail>(mail: M, max: number): readonly M[] {
  const { to } = mail.envelope;
  if (to.length <= max) return [mail];
  const count = Math.ceil(to.length / max);
  return Array.from({ length: count }, (_, index) => narrow(mail, to.slice(index * max, (index + 1) * max)));
}
