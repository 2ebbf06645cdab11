import type { Mail, Receipt, SendOptions, Transport } from "@postroad/core";
import { transport } from "@postroad/core";
import { bodyOf } from "./body.ts";
import { remoteOf } from "./dial.ts";
import { pathsOf } from "./envelope.ts";
import { lost } from "./failure.ts";
import type { Why } from "./job.ts";
import { Job } from "./job.ts";
import type { Resolved, SmtpOptions } from "./options.ts";
import type { Pool, PoolStats } from "./pool.ts";
import { makePool } from "./pool.ts";
import type { PresetName } from "./presets.ts";
import { PRESETS, isPreset } from "./presets.ts";
import { defined, resolveOptions } from "./resolve.ts";
import { optionsOfUrl } from "./url.ts";

/** A transport over SMTP or LMTP. */
export interface SmtpTransport extends Transport {
  /** What the pool is doing now. */
  stats(): PoolStats;
}

/**
 * Sends over SMTP (RFC 5321): `smtp("smtps://user:pass@smtp.example.com")`, `smtp("gmail", { auth })`, or options.
 * Options given beside a URL or service go before it. Connections are opened when there is mail and kept for the
 * next; dispose it to say goodbye.
 *
 * An outcome is `accepted` when the server has answered the message with 2xx, `rejected` for its 5xx on this mail,
 * else `deferred`; it is `uncertain` when the connection was lost after the message was sent.
 *
 * Throws a ConfigError for options that are unknown, wrong or contradict each other.
 */
export function smtp(service: PresetName, options: Partial<SmtpOptions>): SmtpTransport;
export function smtp(url: string, options?: Partial<SmtpOptions>): SmtpTransport;
export function smtp(options: SmtpOptions): SmtpTransport;
export function smtp(first: string | SmtpOptions, more: Partial<SmtpOptions> = {}): SmtpTransport {
  if (typeof first !== "string") return build(resolveOptions(first));
  if (!isPreset(first)) return build(resolveOptions(optionsOfUrl(first, "smtp", more)));
  const { note, ...place } = PRESETS[first];
  const given = defined(more);
  // Another port of the service has its own way into TLS.
  const way = given.port === undefined ? place : { host: place.host };
  return build(resolveOptions({ ...way, ...given }, "smtp", note));
}

/**
 * Hands over to a mailbox server by LMTP (RFC 2033), which answers for every recipient after the message:
 * `lmtp("lmtp://127.0.0.1:24")`, or `lmtp({ socketPath })`. Plain text by default: it is not meant for wider networks.
 */
export function lmtp(url: string, options?: Partial<SmtpOptions>): SmtpTransport;
export function lmtp(options: SmtpOptions): SmtpTransport;
export function lmtp(first: string | SmtpOptions, more: Partial<SmtpOptions> = {}): SmtpTransport {
  return build(resolveOptions(typeof first === "string" ? optionsOfUrl(first, "lmtp", more) : first, "lmtp"));
}

function build(options: Resolved): SmtpTransport {
  warnOfRisks(options);
  const name = `${options.protocol}:${options.label}`;
  const pool = makePool(options, name);
  const base = transport(name, (mail, how) => send(mail, how, pool, name, options.deadline), {
    check: ({ signal }) => pool.check(signal),
    dispose: () => pool.close(),
  });
  return { ...base, stats: () => pool.stats() };
}

function send(mail: Mail, { signal }: SendOptions, pool: Pool, by: string, deadline: number): Promise<Receipt> {
  // What must not reach the wire is refused before anything is queued.
  const paths = pathsOf(mail.envelope);
  const body = bodyOf(mail.content);
  return new Promise((resolve) => {
    const job = new Job(mail, paths, body, by, (receipt) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      resolve(receipt);
    });
    const onAbort = (): void => pool.stop(job, aborted, false);
    const timer = setTimeout(() => pool.stop(job, late, true), deadline);
    const late: Why = (scene) => lost("4.4.7", `not sent within ${deadline} ms`, scene);
    signal?.addEventListener("abort", onAbort, { once: true });
    const [first] = paths.to;
    if (typeof first === "object" && paths.to.every((path) => typeof path === "object")) return job.refuse(first);
    pool.submit(job);
    // Reading the content may have taken its time, or aborted.
    if (signal?.aborted === true) onAbort();
  });
}

const aborted: Why = (scene) => lost("4.3.2", "aborted", scene);

/** One warning for each risk that was asked for by name. */
function warnOfRisks(options: Resolved): void {
  const at = remoteOf(options);
  if (options.insecureAcceptAnyCertificate) warn(`any certificate is accepted from ${at}`);
  if (options.insecureCleartextAuth) warn(`name and password may go to ${at} in clear text`);
}

function warn(message: string): void {
  process.emitWarning(`@postroad/smtp: ${message}`, { type: "SecurityWarning", code: "POSTROAD_INSECURE" });
}
