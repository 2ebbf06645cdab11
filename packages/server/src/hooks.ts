import type { Authenticator } from "./authenticator.ts";
import type { Policy } from "./types.ts";

/**
 * What a hook gives, if it does in time; else it throws, as if the hook had: a hook that never settles would hold its connection for
 * ever, even when the client is gone and the server is to end.
 */
export type InTime = <T>(what: string, result: T | Promise<T>) => T | Promise<T>;

interface Waiting {
  readonly what: string;
  readonly until: number;
  readonly reject: (error: Error) => void;
  settled: boolean;
}

/** Milliseconds between two looks, at most: what has settled is let go of then. */
const LOOK = 1000;

/** One timer for all calls, of which there may be thousands a second that settle at once. */
export function inTime(milliseconds: number): InTime {
  let waiting: Waiting[] = [];
  let timer: NodeJS.Timeout | undefined;

  function look(): void {
    const now = performance.now();
    for (const each of waiting) {
      if (each.settled || each.until > now) continue;
      each.settled = true;
      each.reject(new Error(`${each.what} has not settled in ${milliseconds} milliseconds (timeouts.hook)`));
    }
    waiting = waiting.filter(({ settled }) => !settled);
    timer = waiting.length === 0 ? undefined : setTimeout(look, Math.min(milliseconds, LOOK)).unref();
  }

  return (what, result) => {
    if (!isThenable(result)) return result;
    return new Promise((resolve, reject) => {
      const entry: Waiting = { what, until: performance.now() + milliseconds, reject, settled: false };
      waiting.push(entry);
      timer ??= setTimeout(look, Math.min(milliseconds, LOOK)).unref();
      Promise.resolve(result).then((value) => settle(entry, resolve, value), (error: unknown) => settle(entry, reject, error));
    });
  };
}

/** Also what a query builder or another library's promise is: it is waited for just as well. */
function isThenable<T>(result: T | Promise<T>): result is Promise<T> {
  return ((typeof result === "object" && result !== null) || typeof result === "function") && "then" in result && typeof result.then === "function";
}

function settle<T>(entry: Waiting, then: (value: T) => void, value: T): void {
  entry.settled = true;
  then(value);
}

/** The same function, in time. */
export function bounded<Args extends readonly unknown[], T>(what: string, hook: (...args: Args) => T | Promise<T>, within: InTime): (...args: Args) => T | Promise<T> {
  return (...args) => within(what, hook(...args));
}

export function boundedPolicy(policy: Policy, within: InTime): Policy {
  const { name } = policy;
  const says = <T>(step: string, result: T | Promise<T>): T | Promise<T> => within(`${step} of the policy ${name}`, result);
  return {
    name,
    connect: (session) => says("connect", policy.connect?.(session)),
    sender: (from, session) => says("sender", policy.sender?.(from, session)),
    recipient: (recipient, transaction) => says("recipient", policy.recipient?.(recipient, transaction)),
    message: (mail, transaction) => says("message", policy.message?.(mail, transaction) ?? mail),
  };
}

/** With the parts that it has, since they say which mechanisms there are. */
export function boundedAuthenticator({ password, scram, token, certificate }: Authenticator, within: InTime): Authenticator {
  const soon = async <T>(result: Promise<T>): Promise<T> => within("authenticate", result);
  return {
    ...(password !== undefined && { password: (credentials, session) => soon(password(credentials, session)) }),
    ...(scram !== undefined && { scram: (user, session) => soon(scram(user, session)) }),
    ...(token !== undefined && { token: (credentials, session) => soon(token(credentials, session)) }),
    ...(certificate !== undefined && { certificate: (credentials, session) => soon(certificate(credentials, session)) }),
  };
}
