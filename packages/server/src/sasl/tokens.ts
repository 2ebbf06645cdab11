import type { Login } from "../types.ts";
import type { Exchange } from "./exchange.ts";
import { malformed, textOf } from "./exchange.ts";

const SEPARATOR = "\u0001";
/** What the client is told before it hears 535, in JSON (RFC 7628 §3.2.2). */
const INVALID = JSON.stringify({ status: "invalid_token", schemes: "bearer" });

/** RFC 7628: `n,a=user,^Ahost=…^Aport=…^Aauth=Bearer token^A^A`. */
export async function oauthBearer(exchange: Exchange): Promise<Login | undefined> {
  const response = textOf(exchange.initial ?? (await exchange.ask("")));
  const [header = "", ...pairs] = response.split(SEPARATOR);
  const [, identity = ""] = /^[ny],(?:a=([^,]*))?,$/.exec(header) ?? [undefined, undefined];
  const token = bearer(pairs);
  if (token === undefined || !response.endsWith(SEPARATOR + SEPARATOR) || !/^[ny],/.test(header)) throw malformed();
  return checked(exchange, unescape(identity), token);
}

/** Of Google's making: `user=…^Aauth=Bearer token^A^A`. */
export async function xoauth2(exchange: Exchange): Promise<Login | undefined> {
  const pairs = textOf(exchange.initial ?? (await exchange.ask(""))).split(SEPARATOR);
  const user = pairs.find((pair) => pair.startsWith("user="))?.slice("user=".length);
  const token = bearer(pairs);
  if (user === undefined || token === undefined) throw malformed();
  return checked(exchange, user, token);
}

function bearer(pairs: readonly string[]): string | undefined {
  return pairs.map((pair) => /^auth=Bearer ([\w\-.~+/]+=*)$/i.exec(pair)?.[1]).find((token) => token !== undefined);
}

async function checked(exchange: Exchange, user: string, token: string): Promise<Login | undefined> {
  exchange.claim(user);
  const found = await exchange.prove(() => exchange.authenticator.token?.({ user, token }, exchange.session), { secret: token });
  // The client answers the reason with an empty response, or one octet, before it hears 535.
  if (found === undefined) await exchange.ask(INVALID);
  return found;
}

/** RFC 5801 §4. */
function unescape(name: string): string {
  return name.replaceAll("=2C", ",").replaceAll("=3D", "=");
}
