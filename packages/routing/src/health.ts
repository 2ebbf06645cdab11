import type { Mail, Receipt, Rules, Transport } from "@postroad/core";
import { checkOptions, isConnectionFailure, isDuration, isFunction, isInteger } from "@postroad/core";

export interface HealthOptions {
  /** How many mails in a row, each counted once, have to find no connection before a transport is down. @default 2 */
  readonly failures?: number;
  /** Milliseconds for which a transport that is down is passed over. Then one mail is let through to probe it. @default 30_000 */
  readonly pause?: number;
  /** Milliseconds on a clock that never steps back. @default performance.now */
  readonly now?: () => number;
}

/** What is known of transports from the mail they were given. Share one between composites that share transports. */
export interface Health {
  /** "up"; "down" while it is passed over; "due" when the next mail may probe it. Who is unknown is up. */
  state(transport: Transport<never>): "up" | "down" | "due";
  /**
   * Tells that a mail is on its way to the transport. Call what it gives once, with the receipt, or with undefined
   * where that says nothing; it gives what the receipt shows of the transport.
   */
  begin(transport: Transport<never>, mail: Mail): (report: Receipt | undefined) => Sign;
}

/** What a receipt shows of the transport: it works, no connection was had, or nothing. */
export type Sign = "answered" | "failed" | "nothing";

interface Record {
  /** Mails that found no connection since one was answered; as many as `failures` at most. */
  readonly failed: Set<string>;
  downSince: number | undefined;
  probing: boolean;
}

const rules: Rules<HealthOptions> = { failures: isInteger(1, 1000), pause: isDuration, now: isFunction };

/** A memory of transports that are down. Nothing ever is because of one mail, or of a recipient who is refused. */
export function health(options: HealthOptions = {}): Health {
  checkOptions("health", options, rules);
  const { failures = 2, pause = 30_000, now = () => performance.now() } = options;
  const records = new WeakMap<Transport<never>, Record>();

  function recordOf(transport: Transport<never>): Record {
    const known = records.get(transport) ?? { failed: new Set(), downSince: undefined, probing: false };
    records.set(transport, known);
    return known;
  }

  function fail(record: Record, mail: Mail, isProbe: boolean): void {
    if (record.failed.size < failures) record.failed.add(mail.id);
    const falls = record.downSince === undefined && record.failed.size >= failures;
    if (falls || isProbe) record.downSince = now();
  }

  return {
    state(transport) {
      const { downSince, probing } = recordOf(transport);
      if (downSince === undefined) return "up";
      return probing || now() - downSince < pause ? "down" : "due";
    },
    begin(transport, mail) {
      const record = recordOf(transport);
      const isProbe = record.downSince !== undefined && !record.probing;
      if (isProbe) record.probing = true;
      return (report) => {
        if (isProbe) record.probing = false;
        const sign = report === undefined ? "nothing" : signOf(report);
        if (sign === "failed") fail(record, mail, isProbe);
        if (sign === "answered") {
          record.failed.clear();
          record.downSince = undefined;
        }
        return sign;
      };
    },
  };
}

function signOf({ outcomes }: Receipt): Sign {
  if (outcomes.every(isConnectionFailure)) return "failed";
  return outcomes.some((outcome) => outcome.kind !== "deferred" || outcome.reply !== undefined) ? "answered" : "nothing";
}
