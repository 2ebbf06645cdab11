import type { SmtpOptions, SmtpTransport } from "@postroad/smtp";
import { smtp } from "@postroad/smtp";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { clientAddress } from "../harness/clients.ts";
import type { Dovecot } from "../harness/dovecot.ts";
import { startDovecot } from "../harness/dovecot.ts";
import { mailOf } from "../harness/mails.ts";
import type { Postfix } from "../harness/postfix.ts";
import { startPostfix } from "../harness/postfix.ts";

const missing = inject("missing");
const accepted = { kind: "accepted", status: "2.0.0" };
const WAYS = [["C24: implicit TLS", "submissions", "tls"], ["C19: STARTTLS", "submission", "starttls"]] as const;

describe.skipIf("postfix" in missing || "dovecot" in missing)("Postfix for submission, with logins by Dovecot", () => {
  let postfix: Postfix;
  let dovecot: Dovecot;

  beforeAll(async () => {
    dovecot = await startDovecot();
    postfix = await startPostfix({ authSocket: dovecot.authSocket });
    return async () => {
      await postfix[Symbol.asyncDispose]();
      await dovecot[Symbol.asyncDispose]();
    };
  });

  function connect(port: "submissions" | "submission", options: Partial<SmtpOptions>): SmtpTransport {
    const security = port === "submissions" ? "tls" : "starttls";
    const tls = { ca: postfix.ca };
    return smtp({ host: "127.0.0.1", port: postfix.ports[port], security, tls, pool: 1, deadline: 40_000, ...options });
  }

  describe.for(WAYS)("%s", ([, port]) => {
    it.for(["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"] as const)("C28: a password by %s", async (method) => {
      const [user, box, localAddress] = [dovecot.user(), postfix.mailbox(), clientAddress()];
      await using transport = connect(port, { localAddress, auth: { user: user.name, pass: user.password, method } });
      expect((await transport.send(mailOf({ to: [box.address] }))).outcomes).toMatchObject([accepted]);
      const [arrived] = await box.arrivals(1);
      expect(arrived?.trace.at(-1)).toMatch(/using TLSv1\.3 .* with ESMTPSA id/);
      expect(await postfix.logged(`client=unknown[${localAddress}]`)).toContain(` sasl_method=${method}, sasl_username=${user.name}`);
    });

    it.for(["OAUTHBEARER", "XOAUTH2"] as const)("C28: a token by %s", async (method) => {
      const [user, box, localAddress] = [dovecot.user(), postfix.mailbox(), clientAddress()];
      const auth = { user: user.name, token: dovecot.token(user, 60), method };
      await using transport = connect(port, { localAddress, auth });
      expect((await transport.send(mailOf({ to: [box.address] }))).outcomes).toMatchObject([accepted]);
      expect(await postfix.logged(`client=unknown[${localAddress}]`)).toContain(` sasl_method=${method}, sasl_username=${user.name}`);
    });

    it.for([
      ["SCRAM-SHA-256", { pass: "wrong" }],
      ["PLAIN", { pass: "wrong", method: "PLAIN" }],
      ["LOGIN", { pass: "wrong", method: "LOGIN" }],
      ["CRAM-MD5", { pass: "wrong", method: "CRAM-MD5" }],
      ["OAUTHBEARER", { token: "wrong", method: "OAUTHBEARER" }],
      ["XOAUTH2", { token: "wrong", method: "XOAUTH2" }],
    ] as const)("C27, C28: a secret that is wrong defers the mail, and no weaker way is tried (%s)", async ([method, secret]) => {
      const localAddress = clientAddress();
      await using transport = connect(port, { localAddress, auth: { user: dovecot.user().name, ...secret } });
      const { outcomes } = await transport.send(mailOf({ to: ["box0@example.test"] }));
      expect(outcomes).toMatchObject([{ kind: "deferred", status: "4.7.8", reply: { code: 535 }, diagnosis: { phase: "auth" } }]);
      await postfix.sessions(localAddress, 1);
      const failures = (await postfix.log()).split("\n").filter((line) => line.includes(`[${localAddress}]: SASL`));
      expect(failures).toHaveLength(1);
      expect(failures[0]).toContain(`SASL ${method} authentication failed`);
    });
  });

  it("tells whether it can send", async () => {
    const { name: user, password: pass } = dovecot.user();
    await using right = connect("submissions", { auth: { user, pass } });
    await expect(right.check()).resolves.toBeUndefined();
    await using wrong = connect("submissions", { auth: { user, pass: "wrong" } });
    await expect(wrong.check()).rejects.toMatchObject({ status: "4.7.8" });
  });

  it("C28: picks the strongest that is offered", async () => {
    const [user, box, localAddress] = [dovecot.user(), postfix.mailbox(), clientAddress()];
    await using transport = connect("submissions", { localAddress, auth: { user: user.name, pass: user.password } });
    await transport.send(mailOf({ to: [box.address] }));
    expect(await postfix.logged(`client=unknown[${localAddress}]`)).toContain(" sasl_method=SCRAM-SHA-256, ");
  });

  it.for(["OAUTHBEARER", "XOAUTH2"] as const)("C28: gets a new token when the old one has expired (%s)", async (method) => {
    const [user, box] = [dovecot.user(), postfix.mailbox()];
    const asked: boolean[] = [];
    const token = ({ refresh }: { readonly refresh: boolean }): string => {
      asked.push(refresh);
      return dovecot.token(user, refresh ? 60 : -30);
    };
    await using transport = connect("submission", { auth: { user: user.name, token, method } });
    expect((await transport.send(mailOf({ to: [box.address] }))).outcomes).toMatchObject([accepted]);
    expect(asked).toEqual([false, true]);
  });
});
