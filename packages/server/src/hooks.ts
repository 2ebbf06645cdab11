import type { Authenticator } from "./authenticator.ts";
import type { Policy } from "./types.ts";

/**
 * What a hook gives, if it does in time; else it throws, as if the hook had: a hook that never settles would hold its connection for
 * ever, even when the client is gone and the server is to end.
 */
function inTime<T>(what: string, result: T | Promise<T>, milliseconds: number): T | Promise<T> {
  if (!(result instanceof Promise)) return result;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} has not settled in ${milliseconds} milliseconds (timeouts.hook)`)), milliseconds);
  });
  return Promise.race([result, late]).finally(() => clearTimeout(timer));
}

/** The same function, within so many milliseconds. */
export function bounded<Args extends readonly unknown[], T>(
  what: string,
  hook: (...args: Args) => T | Promise<T>,
  milliseconds: number,
): (...args: Args) => T | Promise<T> {
  return (...args) => inTime(what, hook(...args), milliseconds);
}

export function boundedPolicy(policy: Policy, milliseconds: number): Policy {
  const { name } = policy;
  const says = <T>(step: string, result: T | Promise<T>): T | Promise<T> => inTime(`${step} of the policy ${name}`, result, milliseconds);
  return {
    name,
    connect: (session) => says("connect", policy.connect?.(session)),
    sender: (from, session) => says("sender", policy.sender?.(from, session)),
    recipient: (recipient, transaction) => says("recipient", policy.recipient?.(recipient, transaction)),
    message: (mail, transaction) => says("message", policy.message?.(mail, transaction) ?? mail),
  };
}

/** With the parts that it has, since they say which mechanisms there are. */
export function boundedAuthenticator({ password, scram, token, certificate }: Authenticator, milliseconds: number): Authenticator {
  const within = async <T>(result: Promise<T>): Promise<T> => inTime("authenticate", result, milliseconds);
  return {
    ...(password !== undefined && { password: (credentials, session) => within(password(credentials, session)) }),
    ...(scram !== undefined && { scram: (user, session) => within(scram(user, session)) }),
    ...(token !== undefined && { token: (credentials, session) => within(token(credentials, session)) }),
    ...(certificate !== undefined && { certificate: (credentials, session) => within(certificate(credentials, session)) }),
  };
}
