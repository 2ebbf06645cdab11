import type { Envelope } from "@postroad/core";
import { MAX_TIMER, Refusal } from "@postroad/core";
import type { Capabilities } from "./capabilities.ts";

/**
 * Parameters of MAIL that say when to deliver. Throws a Refusal where the server cannot do what the mail needs done.
 * `now` is in milliseconds since 1970.
 */
export function timeParameters(envelope: Envelope, capabilities: Capabilities, now: number): string {
  return holdUntil(envelope, capabilities, now) + priority(envelope, capabilities) + deliverBy(envelope, capabilities, now);
}

/** RFC 4865 §4: a server that does not hold mail, or not so long, would deliver it at once. */
function holdUntil({ holdUntil: until }: Envelope, capabilities: Capabilities, now: number): string {
  if (until === undefined || until <= now) return "";
  const [seconds, date] = (capabilities.get("FUTURERELEASE") ?? "0").trim().split(/\s+/);
  const latest = Math.min(now + Number(seconds) * 1000, date === undefined ? Infinity : Date.parse(date));
  // Whole seconds, and not before the time.
  const time = Math.ceil(until / 1000) * 1000;
  if (time <= latest) return ` HOLDUNTIL=${new Date(time).toISOString().replace(/\.\d+Z$/, "Z")}`;
  throw new Refusal("4.5.4", "the mail is to be held, and the server does not hold mail so long (FUTURERELEASE)", {
    phase: "mail",
    retryAfter: Math.min(until - now, MAX_TIMER),
    advice: "Put a queue in front; it keeps the mail until its time.",
  });
}

/** RFC 6710 §4.1: a wish, which a server without the extension may be left ignorant of. */
function priority({ priority: wanted }: Envelope, capabilities: Capabilities): string {
  return wanted === undefined || !capabilities.has("MT-PRIORITY") ? "" : ` MT-PRIORITY=${wanted}`;
}

/** RFC 2852 §4: with "return", a server that cannot promise it must not get the mail. */
function deliverBy({ deliverBy: by }: Envelope, capabilities: Capabilities, now: number): string {
  if (by === undefined) return "";
  const seconds = Math.ceil((by.at - now) / 1000);
  if (by.mode === "notify") return capabilities.has("DELIVERBY") ? ` BY=${clamp(seconds)};N` : "";
  if (seconds <= 0) throw new Refusal("5.4.7", "the time by which to deliver has passed", { phase: "mail" });
  const shortest = Number(/^\d+/.exec(capabilities.get("DELIVERBY")?.trim() ?? "")?.[0] ?? 0);
  if (capabilities.has("DELIVERBY") && seconds >= shortest) return ` BY=${clamp(seconds)};R`;
  throw new Refusal("5.3.3", "the server does not promise to deliver within the time that is left (DELIVERBY)", { phase: "mail" });
}

/** Up to nine digits and a sign (RFC 2852 §4). */
function clamp(seconds: number): number {
  return Math.max(-999_999_999, Math.min(seconds, 999_999_999));
}
