export type { PatienceOptions } from "./options.ts";
export { patience } from "./patience.ts";
