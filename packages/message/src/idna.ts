import { domainToASCII, domainToUnicode } from "node:url";
import type { Fail } from "./address-error.ts";

const ASCII = /^\p{ASCII}*$/u;
const A_LABEL = /^xn--/i;

/**
 * The A-labels of a domain that has U-labels, by UTS-46 (non-transitional: `faß.de` is not `fass.de`).
 *
 * A label must not turn into another domain on the way. One that maps to plain ASCII (`ｅxample`, `ⅷ`, soft hyphens) is
 * refused, and so is a domain whose labels map to more or fewer (`日本。jp`): the error names the result, so that
 * whoever means it can write it. For the same reason no domain becomes an IP address here.
 */
export function toALabels(domain: string, fail: Fail): string {
  const mapped = domainToASCII(domain);
  if (mapped === "") fail("has a domain that is not valid by UTS-46");
  const labels = mapped.split(".");
  const given = domain.split(".");
  const kept = labels.length === given.length && given.every((label, i) => isKept(label, labels[i] ?? ""));
  return kept ? mapped : fail(`has a domain that maps to ${mapped}; write that if it is what you mean`);
}

function isKept(label: string, mapped: string): boolean {
  return ASCII.test(label) ? mapped === label.toLowerCase() : A_LABEL.test(mapped) && label.slice(2, 4) !== "--";
}

/** An A-label stands for a U-label and back again (RFC 5890 §2.3.2.1); `xn--` before anything else is refused. */
export function checkALabel(label: string, fail: Fail): void {
  if (!A_LABEL.test(label)) return;
  const decoded = domainToUnicode(label);
  if (ASCII.test(decoded) || domainToASCII(decoded) !== label.toLowerCase()) {
    fail(`has the domain label ${label}, which is not a valid A-label (RFC 5890)`);
  }
}
