import type { Middleware } from "@postroad/core";
import { merge, narrow, pick, wrap } from "@postroad/core";
import type { DkimOptions } from "./options.ts";
import { resolveDkimOptions } from "./options.ts";

/** Sends once more to those who were deferred, at once and up to `attempts` times. */
export function dkim(options: DkimOptions = {}): Middleware {
  const { attempts } = resolveDkimOptions(options);
  return (next) =>
    wrap("dkim", next, async (mail, sending) => {
      let report = await next.send(mail, sending);
      for (let attempt = 2; attempt <= attempts && sending.signal?.aborted !== true; attempt += 1) {
        const left = pick(mail, report, ({ kind }) => kind === "deferred");
        if (left.length === 0) break;
        report = merge(mail, report, await next.send(narrow(mail, left), sending));
      }
      return report;
    });
}
