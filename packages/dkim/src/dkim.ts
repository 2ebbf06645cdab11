import type { Content, Mail, Rewrite } from "@postroad/core";
import { Refusal, reseal, wrap } from "@postroad/core";
import { checkPublished } from "./check-dns.ts";
import { choice } from "./choose.ts";
import type { ChooseSigners } from "./choose.ts";
import { NOT_SIGNED } from "./not-signed.ts";
import type { DkimOptions, Signer } from "./options.ts";
import { checkDkimOptions } from "./options.ts";
import { perContent } from "./per-content.ts";
import { dkimSignature } from "./signature.ts";
import { withFields } from "./signed-content.ts";
import { survey } from "./survey.ts";

/**
 * Signs mail with DKIM (RFC 6376): `dkim({ domain, selector, key })`, several signers, or a function that gives those
 * for a domain. What it hands on are bytes: a provider that takes fields cannot stand behind it.
 *
 * A content is signed once, however often and by how many it is sent: a retry carries the same bytes, whichever of the
 * two stands outside.
 */
export function dkim(signers: Signer | readonly Signer[] | ChooseSigners, options: DkimOptions = {}): Rewrite<Mail> {
  checkDkimOptions(options);
  const { clock = Date.now, otherwise = "defer" } = options;
  const chosen = choice(signers, { ...options, clock });

  const signed = perContent(async ({ content }, signal): Promise<Content> => {
    const message = await survey(content, chosen.bodies, signal);
    const own = await chosen.signersFor(message.fields);
    if (own.length === 0 && otherwise === "defer") throw nobodySigns();
    const signatures = await Promise.all(own.map((signer) => dkimSignature(signer, message, clock())));
    return signatures.length === 0 ? content : withFields(signatures.join(""), content, message);
  });

  return (next) =>
    wrap(
      "dkim",
      next,
      async (mail, sending) => next.send(reseal(mail, await signed(mail, sending.signal)), sending),
      { check: ({ signal }) => checkPublished(chosen.known, options.checkDns ?? false, signal) },
    );
}

function nobodySigns(): Refusal {
  return new Refusal(NOT_SIGNED, "there is no key for the domain of the From address", {
    phase: "sign",
    advice: "Add a signer for that domain, or let such mail go with otherwise: \"unsigned\".",
  });
}
