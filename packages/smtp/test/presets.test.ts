import { testCertificate } from "@postroad/testing/certificate";
import services from "nodemailer/lib/well-known/services.json" with { type: "json" };
import type { Socket } from "node:net";
import { connect as connectTo } from "node:net";
import { describe, expect, it } from "vitest";
import type { PresetName, SmtpTransport } from "../src/index.ts";
import { PRESETS, smtp } from "../src/index.ts";
import { isPreset } from "../src/presets.ts";
import { first, mail, scripted, thrownBy } from "./support.ts";

/** Their names in Nodemailer's list. */
const THEIRS: Readonly<Record<PresetName, keyof typeof services | undefined>> = {
  gmail: "Gmail", outlook: "Hotmail", office365: "Outlook365", yahoo: "Yahoo", aol: "AOL", icloud: "iCloud", zoho: "Zoho", fastmail: "FastMail",
  gmx: "GMX", yandex: "Yandex", mailru: "Mail.ru", qq: "QQ", exmail: "QQex", "163": "163", "126": "126", aliyun: "Aliyun", feishu: "Feishu Mail",
  sendgrid: "SendGrid", mailgun: "Mailgun", mailjet: "Mailjet", postmark: "Postmark", resend: "Resend", brevo: "SendinBlue", sparkpost: "Sparkpost",
  mandrill: "Mandrill", ses: "SES", mailtrap: "Mailtrap",
};

/** Where we differ, and why. */
const DIFFERENT: Partial<Record<PresetName, { readonly port: number; readonly why: string }>> = {
  sendgrid: { port: 465, why: "TLS from the first byte, which it takes as well (RFC 8314 §3.3)" },
  postmark: { port: 587, why: "the port for submission (RFC 6409), which it takes as well" },
};

const NAMES = Object.keys(PRESETS).filter(isPreset);

describe("presets", () => {
  it.each(NAMES)("%s: host and port are those of Nodemailer's list, or differ on purpose", (name) => {
    const { host, port, security } = PRESETS[name];
    const theirs = THEIRS[name];
    const list: Readonly<Record<string, { readonly host?: string | undefined; readonly port?: number | string | null | undefined; readonly secure?: boolean | null | undefined }>> = services;
    const known = theirs === undefined ? undefined : list[theirs];
    expect(host).toBe(known?.host);
    expect(port).toBe(DIFFERENT[name]?.port ?? known?.port);
    expect(DIFFERENT[name]?.port).not.toBe(known?.port);
    expect(security).toBe(port === 465 ? "tls" : "starttls");
  });

  it.each(NAMES)("%s: makes a transport, and says what to log in with", async (name) => {
    await using transport = smtp(name, { auth: { user: "ann", pass: "secret" } });
    expect(transport.name).toBe(`smtp:${PRESETS[name].host}`);
    expect(PRESETS[name].note.length).toBeGreaterThan(20);
    expect(PRESETS[name].note).toMatch(/\.$/);
  });

  it.each([["gmial", "gmail"], ["Gmail", "gmail"], ["office356", "office365"], ["send-grid", "sendgrid"], ["162", "163"]])("#73: %s: did you mean %s?", async (text, name) => {
    expect(await thrownBy(() => smtp(text, {}))).toMatchObject({ name: "ConfigError", message: expect.stringContaining(`did you mean ${name}?`) });
  });

  it("#75: what may be a password is not shown", async () => {
    const error = await thrownBy(() => smtp("canary$ecret!", {}));
    expect(error.message).not.toContain("canary");
    expect(error.message).toContain("or be the name of a service");
  });

  it.each(["__proto__", "constructor", "toString"])("%s is no service", async (name) => {
    expect(await thrownBy(() => smtp(name, {}))).toMatchObject({ name: "ConfigError" });
  });

  it("options go before the preset, and undefined counts as not given", async () => {
    await using region = smtp("ses", { host: "email-smtp.eu-west-1.amazonaws.com" });
    expect(region.name).toBe("smtp:email-smtp.eu-west-1.amazonaws.com");
    await using usual: SmtpTransport = Reflect.apply(smtp, undefined, ["ses", { host: undefined }]);
    expect(usual.name).toBe("smtp:email-smtp.us-east-1.amazonaws.com");
  });

  it("another port of the service brings its own way into TLS", async () => {
    await using transport = smtp("gmail", { port: 587 });
    expect(transport.name).toBe("smtp:smtp.gmail.com");
    expect(await thrownBy(() => smtp("gmail", { port: 587, security: "tls" }))).toMatchObject({ name: "ConfigError" });
  });

  it.each(["gmail", "163"] as const)("C27: %s: on a refused login its note is the advice", async (name) => {
    const certificate = testCertificate({ names: [PRESETS[name].host] });
    await using peer = await scripted((s) => s.greet("AUTH PLAIN").expect(/^AUTH/).reply("535 5.7.8 no").expectEnd(), { tls: certificate, implicitTls: true });
    const connect = async (): Promise<Socket> => connectTo(peer.port, "127.0.0.1");
    await using transport = smtp(name, { auth: { user: "ann", pass: "secret" }, tls: { ca: certificate.ca }, connect, pool: 1 });
    expect(first(await transport.send(mail()))).toMatchObject({ kind: "deferred", status: "4.7.8", diagnosis: { phase: "auth", advice: PRESETS[name].note } });
  });
});
