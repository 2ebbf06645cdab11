export type { DkimOptions } from "./options.ts";
export { dkim } from "./dkim.ts";
