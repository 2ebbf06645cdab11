export type { Auth, CertificateLogin, Login, PasswordMethod, TokenLogin, TokenMethod } from "./login.ts";
export type { Connect, PoolOptions, Security, SessionReport, SmtpOptions, Timeouts } from "./options.ts";
export type { PoolStats } from "./pool.ts";
export type { Preset, PresetName } from "./presets.ts";
export { PRESETS } from "./presets.ts";
export type { SmtpTransport } from "./smtp.ts";
export { lmtp, smtp } from "./smtp.ts";
