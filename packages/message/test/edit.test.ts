import { describe, expect, it } from "vitest";
import { createMessage, edit } from "../src/create.ts";
import { MessageError } from "../src/errors.ts";
import { fieldsOf, fixed, minimal, textOf } from "./reading.ts";

const message = createMessage(
  {
    ...minimal,
    cc: "Team: cc@example.org;",
    bcc: "dora@example.org",
    subject: "Hello",
    text: "text",
    html: "html",
    headers: { "X-A": "1" },
    priority: "high",
    list: { id: "news.example.net" },
    calendar: { content: "METHOD:REQUEST" },
    alternatives: [{ type: "text/x-more", content: "more" }],
    attachments: [{ filename: "a.txt", content: "a" }],
    inReplyTo: "a@b",
    envelope: { from: "bounce@example.net", dsn: { ret: "hdrs" } },
    id: "order-12",
    meta: { tenant: "x" },
  },
  fixed,
);

describe("edit", () => {
  it("without changes gives the same mail", async () => {
    const same = edit(message, {});
    expect(await textOf(same)).toBe(await textOf(message));
    expect(same).toMatchObject({ id: message.id, envelope: message.envelope, meta: message.meta });
    expect(JSON.stringify(same.fields)).toBe(JSON.stringify(message.fields));
  });

  it("renders anew, and keeps id, meta, envelope, date and Message-ID", async () => {
    const changed = edit(message, { subject: "Changed", text: "more" });
    expect(changed).toMatchObject({ id: "order-12", meta: { tenant: "x" }, envelope: message.envelope });
    expect(changed.fields).toMatchObject({
      date: message.fields.date,
      messageId: message.fields.messageId,
      subject: "Changed",
    });
    expect(fieldsOf(await textOf(changed))).toContain("Subject: Changed");
    expect(message.fields.subject).toBe("Hello");
  });

  it("keeps the envelope even where the header names others, until the change says so", () => {
    expect(edit(message, { to: "eve@example.org", from: "eve@example.org" }).envelope).toEqual(message.envelope);
    const changed = edit(message, { envelope: { to: "eve@example.org" } });
    expect(changed.envelope).toEqual({ ...message.envelope, to: [{ address: "eve@example.org" }] });
  });

  it("takes a field away", async () => {
    const changed = edit(message, { html: undefined, inReplyTo: undefined, references: undefined, cc: undefined });
    expect(changed.fields).not.toHaveProperty("html");
    expect(fieldsOf(await textOf(changed)).join()).not.toMatch(/In-Reply-To|References|Cc/);
  });

  it.each([
    [{ headers: { "X-B": "2" } }, ["X-Priority", "Importance", "List-ID", "X-B"]],
    [{ priority: "normal" }, ["X-A", "List-ID"]],
    [{ list: { post: false } }, ["X-A", "X-Priority", "Importance", "List-Post"]],
    [{ list: undefined, headers: undefined }, ["X-Priority", "Importance"]],
  ] as const)("%j changes only its own header fields", (changes, names) => {
    expect(edit(message, changes).fields.headers.map(([name]) => name)).toEqual(names);
  });

  it.each([
    [{ calendar: undefined }, ["text/x-more; charset=utf-8"]],
    [
      { calendar: { content: "METHOD:CANCEL" } },
      ["text/x-more; charset=utf-8", "text/calendar; method=CANCEL; charset=utf-8"],
    ],
    [{ alternatives: [] }, ["text/calendar; method=REQUEST; charset=utf-8"]],
  ])("%j changes only its own forms of the text", (changes, types) => {
    expect(edit(message, changes).fields.alternatives.map(({ type }) => type)).toEqual(types);
  });

  it("#8: asks for SMTPUTF8 where the new header needs it, and no longer where nothing does", () => {
    const international = edit(message, { replyTo: "bjørn@example.org" });
    expect(international.envelope.smtputf8).toBe(true);
    expect(edit(international, { replyTo: undefined }).envelope.smtputf8).toBeUndefined();
  });

  it("refuses what createMessage refuses", () => {
    expect(() => edit(message, { subject: "a\r\nBcc: v@evil.example" })).toThrow(MessageError);
    expect(() => edit(message, { envelope: { to: [] } })).toThrow(MessageError);
  });
});
