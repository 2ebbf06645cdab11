import type { Login } from "../types.ts";
import type { Exchange } from "./exchange.ts";
import { malformed, textOf } from "./exchange.ts";

/** RFC 4616: all at once. An identity other than one's own may be asked for, and is given to nobody. */
export async function plain(exchange: Exchange): Promise<Login | undefined> {
  const response = textOf(exchange.initial ?? (await exchange.ask("")));
  const [identity, user, pass, ...more] = response.split("\0");
  if (identity === undefined || user === undefined || pass === undefined || more.length > 0 || user === "") throw malformed();
  exchange.claim(user);
  if (identity !== "" && identity !== user) return undefined;
  return check(exchange, user, pass);
}

/** Never standardised (draft-murchison-sasl-login-00), and asked for by many. */
export async function login(exchange: Exchange): Promise<Login | undefined> {
  const user = textOf(exchange.initial ?? (await exchange.ask("Username:")));
  if (user === "" || user.includes("\0")) throw malformed();
  exchange.claim(user);
  const pass = textOf(await exchange.ask("Password:"));
  return pass.includes("\0") ? undefined : check(exchange, user, pass);
}

async function check(exchange: Exchange, user: string, pass: string): Promise<Login | undefined> {
  const { authenticator, session } = exchange;
  return pass === "" ? undefined : exchange.prove(() => authenticator.password?.({ user, pass }, session), { secret: pass, costly: true });
}
