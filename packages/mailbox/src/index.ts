export type { AccountsOptions } from "./accounts.ts";
export { accounts } from "./accounts.ts";
export { mailboxPath } from "./address.ts";
export { existing } from "./existing.ts";
export type { Aliases, Found, Lookup, Mailbox, Quota } from "./lookup.ts";
export { resolveRecipient } from "./lookup.ts";
export { maildir } from "./maildir.ts";
export type { MaildirOptions } from "./options.ts";
