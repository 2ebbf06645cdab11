import { shown } from "./address-error.ts";
import type { Issues } from "./issues.ts";
import { oneLine, report } from "./issues.ts";

const LONGEST = 255;
/** Overrides, embeddings and isolates can make `gpj.exe` look like `exe.jpg`; the plain marks of a direction cannot. */
const BIDI_CONTROL = /[\u202a-\u202e\u2066-\u2069]/u;

/**
 * The name a receiver sees: the part after the last slash or backslash, since a path tells about our side and may do
 * harm on theirs (RFC 2183 §2.3). Controls, and bidirectional controls that disguise a name, are refused.
 */
export function fileName(given: unknown, path: string, issues: Issues): string {
  const whole = oneLine(given, path, issues);
  const name = whole.slice(Math.max(whole.lastIndexOf("/"), whole.lastIndexOf("\\")) + 1).trim();
  if (/^\.{0,2}$/.test(name)) report(issues, path, `${shown(whole)} is not a file name`);
  if (name.length > LONGEST) report(issues, path, `has ${name.length} characters; ${LONGEST} are allowed`);
  if (BIDI_CONTROL.test(name)) {
    report(issues, path, `${shown(name)} has a bidirectional control, which can disguise it; remove it`);
  }
  return name;
}
