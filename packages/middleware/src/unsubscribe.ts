import type { Message, Receipt, Recipient, Rewrite } from "@postroad/core";
import { merge, narrow, transport, wrap } from "@postroad/core";
import type { HeaderField } from "./header.ts";
import { withFields } from "./header.ts";
import { tokenSealer } from "./token.ts";
import type { UnsubscribeOptions } from "./unsubscribe-options.ts";
import { checkList, checkUnsubscribe, secretsOf } from "./unsubscribe-options.ts";

/**
 * Lets everybody leave with one click (RFC 8058): adds List-Unsubscribe, with a link that is the recipient's own, and
 * List-Unsubscribe-Post. Mail for several is sent to one after the other, as each gets another link. A message that
 * has List-Unsubscribe already keeps it. Put it before `dkim`, which has to sign both fields.
 */
export function unsubscribe(options: UnsubscribeOptions): Rewrite<Message> {
  checkUnsubscribe(options);
  const { url, list = "", mailto } = options;
  const tokens = tokenSealer(secretsOf(options.secret));
  const listOf = typeof list === "function" ? list : () => list;

  async function personal(message: Message, to: Recipient): Promise<Message> {
    const name = listOf(message, to);
    checkList(name);
    const token = await tokens.seal({ address: to.address, list: name });
    return withFields(narrow(message, [to]), fieldsFor(url, mailto, token));
  }

  return (next) => {
    // Total: what one copy throws, or an abort, must not hide what was accepted of the others.
    const each = transport<Message>("unsubscribe", (copy, sending) => next.send(copy, sending));
    return wrap("unsubscribe", next, async (message, sending) => {
      if (message.fields.headers.some(([name]) => name.toLowerCase() === "list-unsubscribe")) {
        return next.send(message, sending);
      }
      // All of them before the first is sent: nobody gets mail whose link cannot be made for somebody else.
      const copies = await Promise.all(message.envelope.to.map((to) => personal(message, to)));
      const receipts: Receipt[] = [];
      for (const copy of copies) receipts.push(await each.send(copy, sending));
      return merge(message, ...receipts);
    });
  };
}

function fieldsFor(url: string | URL, mailto: string | undefined, token: string): readonly HeaderField[] {
  const link = new URL(url);
  link.searchParams.set("token", token);
  const ways = [`<${link.href}>`];
  if (mailto !== undefined) ways.push(`<mailto:${mailto}?subject=unsubscribe%20${token}>`);
  return [
    ["List-Unsubscribe", ways.join(", ")],
    ["List-Unsubscribe-Post", "List-Unsubscribe=One-Click"],
  ];
}
