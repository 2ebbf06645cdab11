import type { Security } from "./options.ts";

/** Where a mail service takes submissions, and what its users have to know. */
export interface Preset {
  readonly host: string;
  readonly port: number;
  readonly security: Security;
  /** What to log in with. */
  readonly note: string;
}

/** A service that `smtp("gmail", …)` knows. */
export type PresetName =
  | "gmail"
  | "outlook"
  | "office365"
  | "yahoo"
  | "aol"
  | "icloud"
  | "zoho"
  | "fastmail"
  | "gmx"
  | "yandex"
  | "mailru"
  | "qq"
  | "exmail"
  | "163"
  | "126"
  | "aliyun"
  | "feishu"
  | "sendgrid"
  | "mailgun"
  | "mailjet"
  | "postmark"
  | "resend"
  | "brevo"
  | "sparkpost"
  | "mandrill"
  | "ses"
  | "mailtrap";

const APP_PASSWORD = "Needs an app password (or OAuth token), which takes two-step verification; the account's own password is refused.";
const CODE = "SMTP has to be switched on in the mailbox settings; the password is the authorisation code shown there.";

function tls(host: string, note: string): Preset {
  return { host, port: 465, security: "tls", note };
}

function startTls(host: string, note: string): Preset {
  return { host, port: 587, security: "starttls", note };
}

/**
 * Services by name. Hosts and ports are those of Nodemailer's list of well-known services (MIT-0) where it has them,
 * with the port of implicit TLS preferred (RFC 8314 §3.3).
 */
export const PRESETS: Readonly<Record<PresetName, Preset>> = {
  gmail: tls("smtp.gmail.com", APP_PASSWORD),
  outlook: startTls("smtp-mail.outlook.com", "Takes OAuth tokens only: auth { user, token }. Passwords were switched off in 2024."),
  office365: startTls("smtp.office365.com", "Takes OAuth tokens: auth { user, token }. SMTP AUTH has to be allowed for the mailbox."),
  yahoo: tls("smtp.mail.yahoo.com", APP_PASSWORD),
  aol: startTls("smtp.aol.com", APP_PASSWORD),
  icloud: startTls("smtp.mail.me.com", APP_PASSWORD),
  zoho: tls("smtp.zoho.com", `${APP_PASSWORD} Other regions have hosts of their own, such as smtp.zoho.eu.`),
  fastmail: tls("smtp.fastmail.com", APP_PASSWORD),
  gmx: startTls("mail.gmx.com", "SMTP has to be switched on in the mailbox settings."),
  yandex: tls("smtp.yandex.ru", APP_PASSWORD),
  mailru: tls("smtp.mail.ru", "Needs a password for external applications."),
  qq: tls("smtp.qq.com", CODE),
  exmail: tls("smtp.exmail.qq.com", "Tencent Exmail; with secure login switched on, the password is a client password."),
  "163": tls("smtp.163.com", CODE),
  "126": tls("smtp.126.com", CODE),
  aliyun: tls("smtp.aliyun.com", "Alibaba Mail; SMTP may have to be switched on."),
  feishu: tls("smtp.feishu.cn", "Needs a password made for mail clients."),
  sendgrid: tls("smtp.sendgrid.net", 'The user is "apikey", the password an API key with Mail Send permission.'),
  mailgun: tls("smtp.mailgun.org", "The SMTP credentials of the sending domain. EU domains use smtp.eu.mailgun.org."),
  mailjet: startTls("in.mailjet.com", "User is the API key, password the secret key."),
  postmark: startTls("smtp.postmarkapp.com", "User and password are both the server API token."),
  resend: tls("smtp.resend.com", 'The user is "resend", the password an API key.'),
  brevo: startTls("smtp-relay.brevo.com", "The SMTP key, not the API key."),
  sparkpost: startTls("smtp.sparkpostmail.com", 'The user is "SMTP_Injection", the password an API key.'),
  mandrill: startTls("smtp.mandrillapp.com", "Any user; the password is an API key."),
  ses: tls("email-smtp.us-east-1.amazonaws.com", "SMTP credentials, not AWS keys. Other regions: give { host }."),
  mailtrap: startTls("live.smtp.mailtrap.io", 'The user is "api", the password an API token.'),
};

export function isPreset(name: string): name is PresetName {
  return Object.hasOwn(PRESETS, name);
}
