import type { Field } from "./header.ts";

/** A name in the list of fields to sign. */
export interface Listed {
  /** In lower case. */
  readonly name: string;
  /**
   * Whether to name it once more than it occurs, so that no further one can be added (RFC 6376 §5.4.2, §8.15):
   * always, only where there is one, or never.
   */
  readonly oversign: "always" | "present" | "never";
}

export interface Selection {
  /** The value of `h=`, name by name. */
  readonly names: readonly string[];
  /** The fields that are signed, in the order of `names`. A name without a field adds nothing. */
  readonly fields: readonly Field[];
}

/** What `list` selects of a header. Of fields that repeat, the lowest comes first (RFC 6376 §5.4.2). */
export function select(fields: readonly Field[], list: readonly Listed[]): Selection {
  const byName = Map.groupBy(fields, ({ name }) => name);
  const names: string[] = [];
  const selected: Field[] = [];
  for (const { name, oversign } of list) {
    const found = byName.get(name);
    for (const field of found?.toReversed() ?? []) {
      names.push(name);
      selected.push(field);
    }
    if (oversign === "always" || (oversign === "present" && found !== undefined)) names.push(name);
  }
  return { names, fields: selected };
}

/** What a reader sees or acts upon: nobody may add one, not even where there is none. */
const ALWAYS = [
  "From",
  "Reply-To",
  "Subject",
  "To",
  "Cc",
  "MIME-Version",
  "Content-Type",
  "Content-Transfer-Encoding",
];

/** May be added on the way where it is missing, but not to one that is there. */
const PRESENT = [
  "Sender",
  "Date",
  "Message-ID",
  "In-Reply-To",
  "References",
  "Content-ID",
  "Content-Description",
  "Content-Disposition",
  "Content-Language",
  "List-Id",
  "List-Help",
  "List-Unsubscribe",
  // RFC 8058 §4 wants both of these two covered.
  "List-Unsubscribe-Post",
  "List-Subscribe",
  "List-Post",
  "List-Owner",
  "List-Archive",
  "Auto-Submitted",
  "Autocrypt",
  "Feedback-ID",
  // RFC 9477 §3.1.1 and RFC 8460 §5.3 want these covered.
  "CFBL-Address",
  "CFBL-Feedback-ID",
  "TLS-Report-Domain",
  "TLS-Report-Submitter",
];

/** Who sends it on adds a block of these of their own (RFC 5322 §3.6.6). */
const RESENT = ["Resent-From", "Resent-Sender", "Resent-To", "Resent-Cc", "Resent-Date", "Resent-Message-ID"];

/** What is signed unless told otherwise: RFC 6376 §5.4.1, and what has come since. */
export const USUAL: readonly Listed[] = [
  ...listed(ALWAYS, "always"),
  ...listed(PRESENT, "present"),
  ...listed(RESENT, "never"),
];

/** What changes or goes away on the way (RFC 6376 §5.4.1, RFC 8617 §4.1.2): a signature over it would break. */
export const UNSIGNABLE: ReadonlySet<string> = new Set([
  "return-path",
  "received",
  "comments",
  "keywords",
  "bcc",
  "resent-bcc",
  "dkim-signature",
  "authentication-results",
  "arc-seal",
  "arc-message-signature",
  "arc-authentication-results",
]);

export function listed(names: readonly string[], oversign: Listed["oversign"]): readonly Listed[] {
  return names.map((name) => ({ name: name.toLowerCase(), oversign }));
}
