import type { Content, Mail } from "@postroad/core";
import { Refusal } from "@postroad/core";

interface Job<T> {
  readonly result: Promise<T>;
  readonly stop: AbortController;
  waiting: number;
  settled: boolean;
}

/**
 * Work on mail that is done once for each content, however many ask for it, and kept as long as the content is. Who
 * aborts gets a Refusal at once; the work itself stops when nobody waits for it any more. What failed is done again for
 * the next.
 */
export function perContent<T>(
  work: (mail: Mail, signal: AbortSignal) => Promise<T>,
): (mail: Mail, signal: AbortSignal | undefined) => Promise<T> {
  const jobs = new WeakMap<Content, Job<T>>();

  function start(mail: Mail): Job<T> {
    const key = mail.content;
    const stop = new AbortController();
    const job: Job<T> = { result: work(mail, stop.signal), stop, waiting: 0, settled: false };
    const settle = (): void => void (job.settled = true);
    job.result.then(settle, () => {
      settle();
      if (jobs.get(key) === job) jobs.delete(key);
    });
    jobs.set(key, job);
    return job;
  }

  return async (mail, signal) => {
    const job = jobs.get(mail.content) ?? start(mail);
    if (job.settled) return job.result;
    job.waiting += 1;
    try {
      return await unlessAborted(job.result, signal);
    } finally {
      job.waiting -= 1;
      if (job.waiting === 0 && !job.settled) {
        jobs.delete(mail.content);
        job.stop.abort();
      }
    }
  };
}

function unlessAborted<T>(result: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return result;
  return new Promise((resolve, reject) => {
    const message = "aborted before the message was signed";
    const onAbort = (): void => reject(new Refusal("4.3.2", message, { phase: "sign" }));
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    result.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
