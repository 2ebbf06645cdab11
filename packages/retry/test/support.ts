import type { Mail } from "@postroad/core";
import { contentOf, envelope } from "@postroad/core";
import type { RetryOptions } from "../src/index.ts";

export function mailTo(...to: readonly string[]): Mail {
  const content = contentOf(new TextEncoder().encode("Subject: Hi\r\n\r\nHi\r\n"));
  return { id: "m1", envelope: envelope("sender@example.org", to), content, meta: {} };
}

/** A clock that only sleeping moves; `waits` gets the length of each sleep. */
export function fakeClock(waits: number[] = []): Required<Pick<RetryOptions, "now" | "sleep">> {
  let time = 1_000_000;
  return {
    now: () => time,
    async sleep(milliseconds) {
      waits.push(milliseconds);
      time += milliseconds;
    },
  };
}
