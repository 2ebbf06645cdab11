import type { Login } from "../types.ts";
import type { Exchange } from "./exchange.ts";
import { malformed, textOf } from "./exchange.ts";

/** RFC 4422 appendix A: the certificate of the TLS connection says who it is. */
export async function external(exchange: Exchange): Promise<Login | undefined> {
  const user = textOf(exchange.initial ?? (await exchange.ask("")));
  if (user.includes("\0")) throw malformed();
  exchange.claim(user);
  const certificate = exchange.session.tls?.certificate;
  if (certificate === undefined) return undefined;
  return exchange.prove(() => exchange.authenticator.certificate?.({ user, certificate }, exchange.session));
}
