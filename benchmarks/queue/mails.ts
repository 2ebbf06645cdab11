import { addressOf, bytesOf, plainMail, prose } from "../harness/mails.ts";
import type { Posted } from "./queues/queue.ts";

/** Domains of the recipients, which are as many lanes. */
const DOMAINS = 50;

/** Mails with that many bytes of text, each with another number in what it says. */
export function poster(size: number): (number: number, series?: string) => Posted {
  const text = prose(size);
  return (number, series = "mail") => {
    const mail = { ...plainMail(number, text), to: `Ann Smith <ann.${number}@mail${number % DOMAINS}.example>` };
    return { id: `${series}-${number}`, from: addressOf(mail.from), to: addressOf(mail.to), bytes: bytesOf(mail, number) };
  };
}
