import type { Mail, Receipt, SendOptions, Transport } from "@postroad/core";
import { transport } from "@postroad/core";
import { bodyOf } from "./body.ts";
import { remoteOf } from "./dial.ts";
import { doubtful, lost } from "./failure.ts";
import { makeJob } from "./job.ts";
import type { Resolved, SmtpOptions } from "./options.ts";
import { resolveOptions } from "./options.ts";
import { pathOf } from "./path.ts";
import type { Pool } from "./pool.ts";
import { makePool } from "./pool.ts";
import { optionsOfUrl } from "./url.ts";

/**
 * Sends over SMTP (RFC 5321): `smtp("smtps://user:pass@smtp.example.com")`, or options, or a URL and options that go
 * before it. Connections are opened when there is mail and kept for the next; dispose it to say goodbye.
 *
 * An outcome is `accepted` when the server has answered the final dot with 2xx, `rejected` for its 5xx on this mail,
 * else `deferred`; it is `uncertain` when the connection was lost after the final dot.
 *
 * Throws a ConfigError for options that are unknown, wrong or contradict each other.
 */
export function smtp(url: string, options?: Partial<SmtpOptions>): Transport;
export function smtp(options: SmtpOptions): Transport;
export function smtp(first: string | SmtpOptions, more: Partial<SmtpOptions> = {}): Transport {
  const options = resolveOptions(typeof first === "string" ? { ...optionsOfUrl(first), ...more } : first);
  warnOfRisks(options);
  const name = `smtp:${options.host}`;
  const pool = makePool(options, name);
  return transport(name, (mail, how) => send(mail, how, pool, name, options.deadline), {
    check: ({ signal }) => pool.check(signal),
    dispose: () => pool.close(),
  });
}

function send(mail: Mail, { signal }: SendOptions, pool: Pool, by: string, deadline: number): Promise<Receipt> {
  // Throws before anything is queued where sender or bytes must not reach the wire.
  if (mail.envelope.from !== "") pathOf(mail.envelope.from, "5.1.7");
  const body = bodyOf(mail.content);
  return new Promise((resolve) => {
    const job = makeJob(mail, body, by, (receipt) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      resolve(receipt);
    });
    const onAbort = (): void => pool.cancel(job, lost("4.3.2", "aborted", { remote: by, phase: "queue" }));
    const timer = setTimeout(() => {
      const late = lost("4.4.7", `not sent within ${deadline} ms`, { remote: by, phase: "queue" });
      pool.cancel(job, late);
      // What is past its final dot cannot be called back; only the wait for its reply ends.
      if (!job.settled) job.refuse(doubtful(late));
    }, deadline).unref();
    signal?.addEventListener("abort", onAbort, { once: true });
    pool.submit(job);
  });
}

/** One warning for each risk that was asked for by name. */
function warnOfRisks(options: Resolved): void {
  const at = remoteOf(options);
  if (options.insecureAcceptAnyCertificate) warn(`any certificate is accepted from ${at}`);
  if (options.insecureCleartextAuth) warn(`name and password may go to ${at} in clear text`);
}

function warn(message: string): void {
  process.emitWarning(`@postroad/smtp: ${message}`, { type: "SecurityWarning", code: "POSTROAD_INSECURE" });
}
