import { inspect } from "node:util";
import { ConfigError } from "@postroad/core";
import { describe, expect, it } from "vitest";
import type { SmtpOptions } from "../src/index.ts";
import { lmtp, smtp } from "../src/index.ts";
import { first, mail, plain, scripted } from "./support.ts";

describe("secrets in lines that break the protocol", () => {
  const auth = { user: "ann", pass: "hunter22" };

  it.each([
    ["right behind the 235", "235 ok\r\nhunter22\r\n", ""],
    ["as the answer to MAIL", "235 ok\r\n", "you said hunter22 AGFubgBodW50ZXIyMg==\r\n"],
  ])("#75: are not shown %s", async (_, toAuth, toMail) => {
    await using peer = await scripted((s) => {
      const session = s.greet("PIPELINING", "AUTH PLAIN").expect(/^AUTH PLAIN/).send(toAuth);
      return toMail === "" ? session.ignore() : session.expect(/^MAIL/).send(toMail).ignore();
    });
    await using transport = plain(peer, { auth, insecureCleartextAuth: true });
    const shown = inspect(await transport.send(mail()), { depth: 9 });
    expect(shown).toContain("broke the protocol");
    expect(shown).not.toMatch(/hunter22|AGFubgBodW50ZXIyMg/);
  });
});

describe("options that users of other libraries bring", () => {
  it.each([
    ["secure", 'security: "tls"'],
    ["requireTLS", 'security: "starttls"'],
    ["requireTls", 'security: "starttls"'],
    ["password", "auth: { user, pass }"],
    ["maxConnections", "pool: { connections }"],
  ])("#73: %s is refused, and what it is called here is named", (name, here) => {
    expect(() => smtp(Object.assign({ host: "h" }, { [name]: true }))).toThrow(here);
  });

  it.each<[string, () => unknown]>([
    ["window without chunking", () => smtp({ host: "h", chunking: false, window: 3 })],
    ["port with a Unix socket", () => lmtp({ socketPath: "/x", port: 2 })],
    ["a parameter twice", () => smtp("smtp://h?pool=1&pool=7")],
    ["a number in another notation", () => smtp("smtp://h?pool=0x5")],
    ["a user without a password", () => smtp("smtps://u@h")],
    ["a user with control characters", () => smtp({ host: "h", auth: { user: "a\r\nb", pass: "x" } })],
  ])("#73: %s is a ConfigError", (_, build) => {
    expect(build).toThrow(ConfigError);
  });

  it.each<[NonNullable<SmtpOptions["tls"]>, string]>([
    [JSON.parse('{ "certs": "x" }'), "did you mean cert"],
    [{ maxVersion: "TLSv1.1" }, "tls.maxVersion"],
    [{ secureProtocol: "TLSv1_method" }, "tls.secureProtocol"],
    [{ checkServerIdentity: () => undefined }, "insecureAcceptAnyCertificate"],
    [{ cert: "no certificate", key: "no key" }, "cannot be read"],
  ])("#74: tls %j is a ConfigError when it is built", (tls, message) => {
    expect(() => smtp({ host: "h", tls })).toThrow(message);
  });

  it("C39: a NOTIFY that is none is refused before anything is sent", async () => {
    await using transport = plain({ port: 9 });
    const given = mail();
    for (const notify of ["success", ["success", "success"], ["now"]]) {
      const to = [{ address: "b@x.example", notify }];
      // @ts-expect-error no such NOTIFY
      const outcome = first(await transport.send({ ...given, envelope: { ...given.envelope, to } }));
      expect(outcome).toMatchObject({ kind: "rejected", status: "5.5.4" });
    }
  });
});
