import type { Outcome } from "@postroad/core";
import type { SmtpOptions } from "@postroad/smtp";
import { smtp } from "@postroad/smtp";
import { testAuthority } from "@postroad/testing/certificate";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { clientAddress } from "../harness/clients.ts";
import { mailOf } from "../harness/mails.ts";
import type { Postfix } from "../harness/postfix.ts";
import { startPostfix } from "../harness/postfix.ts";

const BOX = "box0@example.test";
const WAYS = [["implicit TLS", "submissions", "tls"], ["STARTTLS", "submission", "starttls"]] as const;

describe.skipIf("postfix" in inject("missing"))("Postfix and TLS", () => {
  let postfix: Postfix;

  beforeAll(async () => {
    postfix = await startPostfix();
    return () => postfix[Symbol.asyncDispose]();
  });

  /** What becomes of one mail. Where it is not accepted, the server has not taken the recipient either. */
  async function attempt(port: keyof Postfix["ports"], options: Partial<SmtpOptions>): Promise<readonly Outcome[]> {
    const localAddress = clientAddress();
    await using transport = smtp({ host: "127.0.0.1", port: postfix.ports[port], localAddress, deadline: 40_000, ...options });
    const { outcomes } = await transport.send(mailOf({ to: [BOX] }));
    if (outcomes[0]?.kind === "accepted") return outcomes;
    await transport[Symbol.asyncDispose]();
    const [session] = await postfix.sessions(localAddress, 1);
    expect(session?.get("rcpt")?.accepted ?? 0).toBe(0);
    return outcomes;
  }

  describe.for(WAYS)("%s", ([, port, security]) => {
    it("C23: a certificate that is trusted and names the host", async () => {
      expect(await attempt(port, { security, tls: { ca: postfix.ca } })).toMatchObject([{ kind: "accepted" }]);
    });

    it("C23, #24: a certificate for somebody else", async () => {
      const outcomes = await attempt(port, { host: "localhost", security, tls: { ca: postfix.ca } });
      expect(outcomes).toMatchObject([{ kind: "deferred", status: "4.7.5", diagnosis: { code: "ERR_TLS_CERT_ALTNAME_INVALID" } }]);
    });

    it("C23, #24: a certificate of an authority that nobody knows", async () => {
      const outcomes = await attempt(port, { security, tls: { ca: testAuthority().cert } });
      expect(outcomes).toMatchObject([{ kind: "deferred", status: "4.7.5", diagnosis: { phase: "tls" } }]);
      });
  });

  it("C20, C53: says EHLO again after STARTTLS", async () => {
    const localAddress = clientAddress();
    await using transport = smtp({ host: "127.0.0.1", port: postfix.ports.relay, localAddress, tls: { ca: postfix.ca } });
    await transport.send(mailOf({ to: [BOX] }));
    await transport[Symbol.asyncDispose]();
    const [session] = await postfix.sessions(localAddress, 1);
    expect(session?.get("ehlo")).toEqual({ accepted: 2, given: 2 });
    expect(session?.get("starttls")).toEqual({ accepted: 1, given: 1 });
  });

  it("C19: opportunistic TLS protects without a proof who answers", async () => {
    expect(await attempt("relay", { security: "opportunistic" })).toMatchObject([{ kind: "accepted" }]);
  });

  it("#22: plain text where the server wants TLS", async () => {
    const outcomes = await attempt("submission", { security: "none" });
    expect(outcomes).toMatchObject([{ kind: "deferred", status: "4.7.0", reply: { code: 530 } }]);
  });

  it("#20: implicit TLS to a port that begins in plain text", async () => {
    const outcomes = await attempt("submission", { security: "tls", tls: { ca: postfix.ca } });
    expect(outcomes).toMatchObject([{ kind: "deferred", diagnosis: { phase: "tls" } }]);
  });

  it("#20: STARTTLS to a port that begins with TLS", async () => {
    const outcomes = await attempt("submissions", { security: "starttls", tls: { ca: postfix.ca }, timeouts: { greeting: 200 } });
    expect(outcomes).toMatchObject([{ kind: "deferred", diagnosis: { phase: "greeting" } }]);
  });

  it("TLS sessions are resumed on the next connection", async () => {
    const localAddress = clientAddress();
    const tls = { ca: postfix.ca };
    const pool = { connections: 1, messages: 1 };
    await using transport = smtp({ host: "127.0.0.1", port: postfix.ports.submission, localAddress, tls, pool });
    for (let round = 0; round < 2; round += 1) await transport.send(mailOf({ to: [BOX] }));
    await transport[Symbol.asyncDispose]();
    await postfix.sessions(localAddress, 2);
    const handshakes = (await postfix.log()).split("\n").filter((line) => line.includes(`established from unknown[${localAddress}]`));
    // Who resumes a session need not prove again who it is.
    expect(handshakes.map((line) => line.includes("server-digest"))).toEqual([true, false]);
  });
});
