import { Refusal } from "@postroad/core";
import type { CommandError } from "./command-error.ts";
import { dismiss, refuse } from "./command-error.ts";
import type { Dialogue } from "./dialogue.ts";
import { nextLine } from "./dialogue.ts";
import type { Attempt } from "./login-guard.ts";
import type { Exchange } from "./sasl/exchange.ts";
import type { Login } from "./types.ts";

/** What is known of a login that is tried. */
export interface Tried {
  /** Whom the client claims to be. */
  user: string | undefined;
  /** Its failure is. */
  counted: boolean;
}

/** What a mechanism has to talk to this client. */
export function exchangeOf(dialogue: Dialogue, initial: string | undefined, tried: Tried): Exchange {
  const { session, services, binding } = dialogue;
  return {
    session,
    authenticator: services.settings.authenticator,
    // "=" stands for an empty response (RFC 4954 §4).
    initial: initial === undefined ? undefined : initial === "=" ? Buffer.alloc(0) : decoded(initial),
    claim: (user) => void (tried.user = user),
    binding,
    async prove(look, { secret, costly } = {}) {
      const attempt = await begun(tried, secret, dialogue);
      if (costly === undefined || attempt.hopeless) return proven(look, attempt, dialogue);
      const turn = services.passwordChecks.take(() => proven(look, attempt, dialogue));
      if (turn !== undefined) return turn;
      attempt.undecided();
      throw tooMany();
    },
    async ask(challenge) {
      dialogue.wire.write(`334 ${Buffer.from(challenge).toString("base64")}\r\n`);
      const line = await nextLine(dialogue);
      if (typeof line !== "string") throw "silence" in line ? dismiss(421, "4.4.2", "the login took too long") : refuse(500, "5.5.6", "not a line of a login");
      if (line === "*") throw refuse(501, "5.7.0", "login cancelled");
      return decoded(line);
    },
  };
}

/** As soon as it stays within the limits even if all that is under way fails. It waits without a turn of the password checks. */
async function begun(tried: Tried, secret: string | undefined, dialogue: Dialogue): Promise<Attempt> {
  const attempt = await dialogue.services.logins.begin(dialogue.clientKey, tried.user ?? "", secret);
  if (attempt === "barred") throw barredLogin(dialogue);
  if (attempt === "busy") throw tooMany();
  tried.counted = true;
  return attempt;
}

/** No failure of the dialogue's: nothing is known of the login. */
function tooMany(): CommandError {
  return refuse(454, "4.7.0", "too many logins at once, try again later");
}

async function proven(look: () => Promise<Login | undefined> | Login | undefined, attempt: Attempt, { wire }: Dialogue): Promise<Login | undefined> {
  try {
    // Who has gone while it waited costs no more.
    if (wire.dead) throw dismiss(421, "4.4.2", "the client has gone");
    const login = attempt.hopeless ? undefined : await look();
    if (login === undefined) attempt.failed();
    else attempt.succeeded();
    return login;
  } catch (error) {
    // A Refusal of 5.x.x says that it is wrong.
    if (error instanceof Refusal && error.status.startsWith("5")) attempt.failed();
    else attempt.undecided();
    throw error;
  }
}

function decoded(text: string): Buffer {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw refuse(501, "5.5.2", "not base64");
  return Buffer.from(text, "base64");
}

/** Nothing is looked at, so the answer is the same for any password; who goes on all the same has to go. */
export function barredLogin(dialogue: Dialogue): CommandError {
  dialogue.loginFailures += 1;
  if (dialogue.loginFailures >= dialogue.services.settings.limits.loginFailures) return dismiss(421, "4.7.0", "too many failed logins");
  return refuse(454, "4.7.0", "too many failed logins, try again later");
}
