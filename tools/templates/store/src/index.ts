export type { LarderOptions } from "./options.ts";
export { larder } from "./larder.ts";
