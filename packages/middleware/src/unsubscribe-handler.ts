import type { Subscription } from "./token.ts";
import { tokenSealer } from "./token.ts";
import type { UnsubscribeHandlerOptions } from "./unsubscribe-options.ts";
import { checkHandler, secretsOf } from "./unsubscribe-options.ts";

/** Octets of a body that says `List-Unsubscribe=One-Click`, in either encoding of a form. */
const LONGEST_BODY = 4096;

const HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
  "referrer-policy": "no-referrer",
  "x-robots-tag": "noindex",
};

/**
 * Answers the requests to the URL of `unsubscribe`, for any server that speaks Request and Response. A POST of
 * `List-Unsubscribe=One-Click` unsubscribes, at once, without cookies, login or redirects (RFC 8058 §3.2). A GET never
 * does, since mail scanners open every link: it shows a page with a button that does. What `onUnsubscribe` throws, it
 * throws.
 */
export function unsubscribeHandler(options: UnsubscribeHandlerOptions): (request: Request) => Promise<Response> {
  checkHandler(options);
  const { onUnsubscribe, page = plainPage } = options;
  const tokens = tokenSealer(secretsOf(options.secret));

  function subscriptionOf(request: Request): Promise<Subscription | undefined> {
    return tokens.open(new URL(request.url).searchParams.get("token") ?? "");
  }

  return async (request) => {
    const { method } = request;
    if (method !== "POST" && method !== "GET" && method !== "HEAD") {
      return text(405, "Use POST, or GET for a page with a button.", { allow: "GET, HEAD, POST" });
    }
    const subscription = await subscriptionOf(request);
    if (subscription === undefined) return text(404, "This link is not valid.");
    if (method === "HEAD") return new Response(null, { headers: HEADERS });
    if (method === "GET") return new Response(page(FORM), { headers: HEADERS });
    if (!(await isOneClick(request))) return text(400, "The form must say List-Unsubscribe=One-Click.");
    await onUnsubscribe(subscription);
    return new Response(page(undefined), { headers: HEADERS });
  };
}

function text(status: number, body: string, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(`${body}\n`, { status, headers: { ...HEADERS, "content-type": "text/plain", ...headers } });
}

/** Is it the form of RFC 8058 §3.1? In either encoding, and of bounded length. */
async function isOneClick(request: Request): Promise<boolean> {
  const body = await bodyOf(request);
  const type = request.headers.get("content-type");
  if (body === undefined || type === null) return false;
  try {
    const form = await new Response(body, { headers: { "content-type": type } }).formData();
    return form.get("List-Unsubscribe") === "One-Click";
  } catch {
    // Not a form, whatever it is: the answer to that is 400.
    return false;
  }
}

async function bodyOf(request: Request): Promise<Blob | undefined> {
  const stream: AsyncIterable<unknown> | Iterable<unknown> = request.body ?? [];
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for await (const chunk of stream) {
    if (!(chunk instanceof Uint8Array)) return undefined;
    size += chunk.byteLength;
    if (size > LONGEST_BODY) return undefined;
    chunks.push(new Uint8Array(chunk));
  }
  return new Blob(chunks);
}

const FORM =
  '<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click">' +
  "<button>Unsubscribe</button></form>";

function plainPage(form: string | undefined): string {
  const said = form === undefined ? "<p>You are unsubscribed.</p>" : `<p>Do you want to unsubscribe?</p>${form}`;
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Unsubscribe</title><body>${said}`;
}
