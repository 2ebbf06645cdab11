export type { CourierOptions } from "./options.ts";
export { courier } from "./courier.ts";
