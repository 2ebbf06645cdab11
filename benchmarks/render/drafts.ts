import type { Plain } from "../harness/mails.ts";
import { noise, page, plainMail, prose } from "../harness/mails.ts";

/** A kind of mail; each one made is another. */
export interface Kind {
  readonly mail: (number: number) => Plain;
  /** Fewer bytes cannot hold what such a mail says. */
  readonly least: number;
}

const text = prose(1024);
const german = text.replaceAll("house", "Größe").replaceAll("your", "für");
const alternative = { text: prose(3 * 1024), html: page(7 * 1024) };
const attachment = { filename: "order.pdf", type: "application/pdf", bytes: noise(100 * 1024) };

export const KINDS: Readonly<Record<string, Kind>> = {
  text: { mail: (number) => plainMail(number, text), least: 1024 },
  german: { mail: (number) => ({ ...plainMail(number, german), subject: `Für Größe ${number}` }), least: 1024 },
  html: { mail: (number) => ({ ...plainMail(number, alternative.text), html: alternative.html }), least: 10_000 },
  attachment: { mail: (number) => ({ ...plainMail(number, text), attachment }), least: 137 * 1024 },
};
