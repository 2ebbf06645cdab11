export { parseAddresses } from "./address-list.ts";
export { checkMailbox, needsSmtputf8 } from "./address-mailbox.ts";
