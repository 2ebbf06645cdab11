import { formatAddress, MessageError, parseAddresses } from "@postroad/message";
import type { ReportOptions } from "./options.ts";

/** An address of the report: as the envelope names it, and as the header writes it. */
export interface Party {
  readonly address: string;
  readonly text: string;
}

/** Addresses that some providers gave out against the grammar, with dots in a row: harmless, and all there is of them. */
const HARMLESS = /^[^\p{C}\p{Z}()<>[\]:;@\\,"]+@[^\p{C}\p{Z}()<>:;@\\,"]+$/u;

/** To whom the report goes. Throws a MessageError for a reverse-path that no header can hold. */
export function readerOf(reversePath: string): Party {
  try {
    return partyOf(reversePath, "mail.envelope.from");
  } catch (error) {
    if (!(error instanceof MessageError) || !HARMLESS.test(reversePath)) throw error;
    return { address: reversePath, text: reversePath };
  }
}

/** From whom it comes. Throws a MessageError for what is not one address. */
export function authorOf({ from, reportingMta }: ReportOptions): Party {
  const given = from ?? { name: "Mail Delivery System", address: `MAILER-DAEMON@${reportingMta}` };
  if (typeof given === "string") return partyOf(given, "from");
  const { address } = partyOf(given.address, "from.address");
  return { address, text: formatAddress({ ...given, address }) };
}

function partyOf(text: string, path: string): Party {
  const [first, ...others] = parseAddresses(text, path);
  if (first === undefined || others.length > 0 || !("address" in first)) {
    throw new MessageError([{ path, message: "must be one address", status: "5.1.7" }]);
  }
  return { address: first.address, text: formatAddress(first) };
}

/** Does the header hold an address that only SMTPUTF8 carries (RFC 6531)? */
export function needsUtf8(...parties: readonly Party[]): boolean {
  return parties.some(({ text }) => !/^[ -~]*$/.test(text));
}
