import type { TlsResult } from "../tls-rpt/result.ts";
import { resultOfCode } from "../tls-rpt/result.ts";
import type { StsPolicy } from "./sts-policy.ts";
import { parsePolicy } from "./sts-policy.ts";

/** Asks by https: what of the `fetch` of the platform is needed here. Must check certificates, and honour all of `init`. */
export type Fetch = (url: string, init: FetchInit) => Promise<FetchResponse>;

export interface FetchInit {
  readonly method: "GET" | "POST";
  readonly headers: Record<string, string>;
  readonly body?: Uint8Array<ArrayBuffer>;
  /** Rejects when told to look elsewhere. */
  readonly redirect: "error";
  readonly signal: AbortSignal;
}

export interface FetchResponse {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly body: (AsyncIterable<Uint8Array> & { cancel(): Promise<void> }) | null;
}

/** No policy could be had: what reports call it, and why. */
export class StsFailure extends Error {
  readonly result: TlsResult;

  constructor(result: TlsResult, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "StsFailure";
    this.result = result;
  }
}

/** Largest policy that is read, in bytes (RFC 8461 §3.2). */
const LARGEST = 65_536;

/**
 * Fetches the policy of a domain (RFC 8461 §3.3): by https with a valid certificate, without following redirects, as
 * text/plain, within `timeout` milliseconds. Throws an StsFailure.
 */
export async function fetchPolicy(domain: string, fetch: Fetch, timeout: number): Promise<StsPolicy> {
  const signal = AbortSignal.timeout(timeout);
  const url = `https://mta-sts.${domain}/.well-known/mta-sts.txt`;
  let text: string;
  try {
    const response = await fetch(url, { method: "GET", redirect: "error", signal, headers: { accept: "text/plain" } });
    if (response.status !== 200) throw new Error(`it answers ${response.status}`);
    if (!/^text\/plain(?:\s*;|$)/i.test(response.headers.get("content-type") ?? "")) throw new Error("it is not text/plain");
    text = await bodyOf(response);
  } catch (error) {
    throw failureOf(url, error);
  }
  try {
    return parsePolicy(text);
  } catch (error) {
    throw new StsFailure("sts-policy-invalid", `${url}: ${textOf(error)}`, error);
  }
}

async function bodyOf({ body }: FetchResponse): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.byteLength;
    // Leaving the loop cancels the body.
    if (size > LARGEST) throw new Error(`it is larger than ${LARGEST} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** fetch says "fetch failed" and keeps the reason as the cause. */
function failureOf(url: string, error: unknown): StsFailure {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "";
  const certificate = resultOfCode(code) !== undefined;
  return new StsFailure(certificate ? "sts-webpki-invalid" : "sts-policy-fetch-error", `${url}: ${textOf(cause)}`, error);
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
