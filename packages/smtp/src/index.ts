export type { Login, PoolOptions, Security, SmtpOptions, Timeouts } from "./options.ts";
export { smtp } from "./smtp.ts";
