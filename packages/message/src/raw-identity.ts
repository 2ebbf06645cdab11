import type { Mail } from "@postroad/core";
import type { Issues } from "./issues.ts";
import { kindOf, oneLine, recordOf, report } from "./issues.ts";

/** The id of a mail as given: one line, not empty. */
export function idOf(given: unknown, issues: Issues): string {
  if (given === "") report(issues, "id", "is empty; leave it out for a random one");
  return oneLine(given, "id", issues);
}

/** The notes of a mail as given: strings. `fromEntries` takes `__proto__` for a key like any other. */
export function metaOf(given: unknown, issues: Issues): Mail["meta"] {
  const entries = Object.entries(recordOf(given, "an object of strings", "meta", issues) ?? {});
  return Object.fromEntries(
    entries.map(([key, value]) => {
      if (typeof value === "string") return [key, value];
      report(issues, `meta.${key}`, `must be a string, not ${kindOf(value)}`);
      return [key, ""];
    }),
  );
}

/** A mail that nobody changes, down to its recipients. */
export function frozen(mail: Mail): Mail {
  const { envelope, meta } = mail;
  for (const part of [...envelope.to, envelope.to, envelope, meta, mail]) Object.freeze(part);
  return mail;
}
