import { ConfigError } from "@postroad/core";
import type { Draft } from "@postroad/message";
import { MessageError, createMessage } from "@postroad/message";

/** What every draft of a mailer has unless it says otherwise. What makes a mail unique cannot be a default. */
export type Defaults = Partial<Omit<Draft, Unique>> & { readonly [Field in Unique]?: never };

type Unique = "id" | "messageId" | "date";

const UNIQUE: readonly Unique[] = ["id", "messageId", "date"];

/**
 * Fills in what a draft leaves open. A field of the draft replaces the default; `meta` is merged key by key, and
 * default `headers` stay unless the draft names the same header.
 */
export function withDefaults(defaults: Defaults): (draft: Partial<Draft>) => Draft {
  const unique = UNIQUE.find((field) => field in defaults);
  if (unique !== undefined) {
    throw new ConfigError("createMailer", [{ path: `defaults.${unique}`, message: "must differ from mail to mail" }]);
  }
  return (draft) => {
    // Without types anything may come; createMessage says what is wrong with it.
    if (typeof draft !== "object" || draft === null) return draft;
    const given = Object.fromEntries(Object.entries(draft).filter(([, value]) => value !== undefined));
    return {
      // Without a From, createMessage says so.
      from: [],
      ...defaults,
      ...given,
      ...(defaults.meta !== undefined && { meta: { ...defaults.meta, ...draft.meta } }),
      ...(defaults.headers !== undefined && { headers: mergeHeaders(defaults.headers, draft.headers) }),
    };
  };
}

/** Composes a mail of nothing but the defaults, so that what is wrong with them shows before the first real one. */
export function checkDefaults(complete: (draft: Partial<Draft>) => Draft): void {
  const { from, ...rest } = complete({ to: "somebody@example.net" });
  const author = Array.isArray(from) && from.length === 0 ? "somebody@example.net" : from;
  try {
    createMessage({ ...rest, from: author });
  } catch (error) {
    if (!(error instanceof MessageError)) throw error;
    throw new ConfigError("createMailer", error.issues.map(({ path, message }) => ({ path: `defaults.${path}`, message })));
  }
}

type Headers = NonNullable<Draft["headers"]>;

function mergeHeaders(defaults: Headers, own: Headers | undefined): Headers {
  const mine = own === undefined ? [] : pairs(own);
  const named = new Set(mine.map(([name]) => name.toLowerCase()));
  return [...pairs(defaults).filter(([name]) => !named.has(name.toLowerCase())), ...mine];
}

function pairs(headers: Headers): readonly (readonly [string, string])[] {
  if (isPairs(headers)) return headers;
  return Object.entries(headers).flatMap(([name, value]) =>
    (value === undefined ? [] : [value].flat()).map((one) => [name, one] as const),
  );
}

function isPairs(headers: Headers): headers is readonly (readonly [string, string])[] {
  return Array.isArray(headers);
}
