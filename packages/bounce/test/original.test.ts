import { describe, expect, it } from "vitest";
import type { Action } from "../src/index.ts";
import { accepted, deferred, mailOf, ORIGINAL, partsOf, rejected, reportOf } from "./mails.ts";

const HEADER = ORIGINAL.slice(0, ORIGINAL.indexOf("\r\n\r\n") + 2);

async function returned(content: string | Uint8Array, rest: object = {}, from = "ann@example.org") {
  const { bytes, report } = await reportOf({ mail: mailOf({ content, from }), ...rest });
  return { ...partsOf(bytes)[2], text: partsOf(bytes)[0]?.body.toString() ?? "", bytes, report };
}

describe("what a report returns", () => {
  it("B8: a failed mail in full up to the limit, else its header", async () => {
    const maxOriginal = ORIGINAL.length;
    const full = await returned(ORIGINAL, { maxOriginal });
    expect([full.type, full.body?.toString()]).toEqual(["message/rfc822", ORIGINAL]);
    const header = await returned(ORIGINAL, { maxOriginal: maxOriginal - 1 });
    expect([header.type, header.body?.toString()]).toEqual(["text/rfc822-headers", HEADER]);
    expect(header.text).toContain("The header of your message follows");
    const big = `${ORIGINAL}${"x".repeat(70)}\r\n`.repeat(1000);
    expect((await returned(big)).type).toBe("text/rfc822-headers");
    expect((await returned(ORIGINAL, { maxOriginal: 0 })).type).toBe("text/rfc822-headers");
  });

  it("B8: only the header with RET=HDRS, and of what did not fail", async () => {
    const hdrs = await reportOf({ mail: mailOf({ rest: { dsn: { ret: "hdrs" } } }) });
    expect(partsOf(hdrs.bytes)[2]?.type).toBe("text/rfc822-headers");
    const all = { failed: rejected, delayed: deferred, delivered: accepted, relayed: accepted } as const;
    for (const action of ["delayed", "delivered", "relayed"] satisfies readonly Action[]) {
      const to = [{ address: "bob@example.net", notify: ["success", "delay"] as const }];
      const mail = mailOf({ to, rest: { dsn: { ret: "full" } } });
      const { bytes } = await reportOf({ mail, action, outcomes: [all[action]("bob@example.net")] });
      expect(partsOf(bytes)[2]).toMatchObject({ type: "text/rfc822-headers", body: Buffer.from(HEADER) });
    }
  });

  it("a header of any length up to 64 KiB, cut between fields", async () => {
    const fields = Array.from({ length: 3000 }, (_, index) => `X-${index}: some\r\n  folded text of a header field\r\n`).join("");
    const { type, body, text } = await returned(`${fields}\r\nbody`);
    expect(type).toBe("text/rfc822-headers");
    expect(body?.length).toBeLessThanOrEqual(64 * 1024);
    expect(body?.length).toBeGreaterThan(63 * 1024);
    expect(fields.startsWith(body?.toString() ?? "-")).toBe(true);
    expect(fields.slice(body?.length)).toMatch(/^X-\d+: /);
    expect(text).toContain("The beginning of the header");
    // Nothing but one field: cut in the middle, and still lines that every server passes on.
    const one = await returned(`X: ${"y".repeat(100_000)}\r\n\r\n`);
    expect(one.encoding).toBe("quoted-printable");
    const lines = await returned("\r\na".repeat(30_000));
    expect(lines.type).toBe("text/rfc822-headers");
  });

  it("no header at all", async () => {
    expect((await returned("\r\nonly a body\r\n", { maxOriginal: 0 })).body?.toString()).toBe("");
    expect((await returned("")).body?.toString()).toBe("");
  });

  it("B9: what is not clean in seven bits, encoded as message/global", async () => {
    const samples = [
      `${ORIGINAL}grüße\r\n`,
      `${ORIGINAL}bare\nline feed\r\n`,
      `${ORIGINAL}bare\rreturn\r\n`,
      `${ORIGINAL}${"long".repeat(300)}\r\n`,
      `${ORIGINAL}\0\r\n`,
      `Subject: grüße\r\n${ORIGINAL}`,
    ];
    for (const sample of samples) {
      const { type, encoding, body, report } = await returned(sample);
      expect([type, encoding]).toEqual(["message/global", "base64"]);
      expect(Buffer.from(body?.toString() ?? "", "base64").toString()).toBe(sample);
      expect(report.envelope.smtputf8).toBeUndefined();
    }
    const header = await returned(`Subject: grüße\r\n${ORIGINAL}`, { maxOriginal: 0 });
    expect([header.type, header.encoding]).toEqual(["message/global-headers", "quoted-printable"]);
    expect(header.body?.toString()).toContain("Subject: gr=C3=BC=C3=9Fe\r\n");
    const latin1 = await returned(Buffer.from("Subject: grüße\r\n\r\n", "latin1"), { maxOriginal: 0 });
    expect(latin1.type).toBe("message/global-headers");
    expect(latin1.bytes.every((octet) => octet < 128)).toBe(true);
  });

  it("B9: UTF-8 as it is where the sender's address needs SMTPUTF8 anyway", async () => {
    const sample = `Subject: grüße\r\n${ORIGINAL}`;
    const full = await returned(sample, {}, "jörg@example.org");
    expect([full.type, full.encoding, full.body?.toString()]).toEqual(["message/global", "8bit", sample]);
    const header = await returned(sample, { maxOriginal: 0 }, "jörg@example.org");
    expect([header.type, header.encoding]).toEqual(["message/global-headers", "8bit"]);
    expect((await returned(ORIGINAL, {}, "jörg@example.org")).type).toBe("message/rfc822");
    expect((await returned(`${sample}bare\n`, {}, "jörg@example.org")).encoding).toBe("base64");
  });

  it("F13: a mail that holds the boundary of its own report", async () => {
    const { bytes } = await reportOf();
    const [, boundary = ""] = /boundary="([^"]+)"/.exec(bytes.toString()) ?? [];
    const sample = `${ORIGINAL}\r\n--${boundary}--\r\n`;
    const { type, encoding, body } = await returned(sample);
    expect([type, encoding]).toEqual(["message/global", "base64"]);
    expect(Buffer.from(body?.toString() ?? "", "base64").toString()).toBe(sample);
    const inHeader = await returned(`X: y\r\n --${boundary}\r\n${ORIGINAL}`, { maxOriginal: 0 });
    expect(inHeader.encoding).toBe("quoted-printable");
  });
});
