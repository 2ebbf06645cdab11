import type { Recipient } from "@postroad/core";
import { ConfigError, contentOf, envelope, mailboxKey, narrow, reseal } from "@postroad/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyMail, mailTo } from "./mails.ts";

describe("envelope", () => {
  it("keeps recipients in order, with what belongs to them", () => {
    const bob: Recipient = { address: "bob@y", notify: ["failure"], originalRecipient: "rfc822;robert@y" };
    expect(envelope("a@x", ["ann@x", bob], { smtputf8: true, dsn: { ret: "hdrs" } })).toEqual({
      from: "a@x",
      to: [{ address: "ann@x" }, bob],
      smtputf8: true,
      dsn: { ret: "hdrs" },
    });
  });

  it("keeps the first of two spellings of one mailbox", () => {
    const to = [
      "ann@Example.NET",
      "Ann@example.net",
      "ann@example.net",
      { address: "ann@EXAMPLE.net", notify: "never" as const },
    ];
    expect(envelope("a@x", to).to).toEqual([{ address: "ann@Example.NET" }, { address: "Ann@example.net" }]);
  });

  it("keeps the null reverse-path", () => {
    expect(envelope("", ["ann@x"]).from).toBe("");
  });

  it("refuses to be for nobody", () => {
    expect(() => envelope("a@x", [])).toThrow(ConfigError);
    expect(() => envelope("a@x", [])).toThrow("envelope: to is empty; an envelope needs at least one recipient");
  });
});

describe("narrow", () => {
  it("keeps everything but the recipients, of whatever kind the mail is", () => {
    const mail = { ...mailTo("ann@x", "bob@x"), fields: { subject: "Hi" } };
    const part = narrow(mail, mail.envelope.to.slice(1));
    expect(part).toEqual({ ...mail, envelope: { from: "a@x", to: [{ address: "bob@x" }] } });
    expect(part.content).toBe(mail.content);
    expect(mail.envelope.to).toHaveLength(2);
  });

  it("to all of them is the same mail", () => {
    const mail = mailTo("ann@x");
    expect(narrow(mail, mail.envelope.to)).toBe(mail);
  });

  it("twice is narrow to the last", () => {
    fc.assert(
      fc.property(anyMail, (mail) => {
        const { to } = mail.envelope;
        expect(narrow(narrow(mail, to.slice(1)), to.slice(2))).toEqual(narrow(mail, to.slice(2)));
      }),
    );
  });
});

describe("reseal", () => {
  it("changes the bytes and drops what described the old ones", () => {
    const message = { ...mailTo("ann@x"), fields: { subject: "Hi" } };
    const content = contentOf(new TextEncoder().encode("signed"));
    expect(reseal(message, content)).toEqual({ ...mailTo("ann@x"), content });
    expect(Object.keys(reseal(message, content))).not.toContain("fields");
  });
});

describe("mailboxKey", () => {
  it.each([
    ["Ann@Example.NET", "Ann@example.net"],
    ['"Ann@Home"@X', '"Ann@Home"@x'],
    ["Postmaster", "Postmaster"],
    ["@", "@"],
    ["", ""],
  ])("%s is %s", (address, key) => {
    expect(mailboxKey(address)).toBe(key);
  });

  it("ignores the case of the domain, keeps that of the local part", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z.]{1,9}$/), fc.stringMatching(/^[A-Za-z.]{1,9}$/), (local, domain) => {
        const key = mailboxKey(`${local}@${domain}`);
        expect(mailboxKey(`${local}@${domain.toUpperCase()}`)).toBe(key);
        expect(key.startsWith(`${local}@`)).toBe(true);
        expect(mailboxKey(key)).toBe(key);
      }),
    );
  });
});
