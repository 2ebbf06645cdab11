import { ConfigError } from "@postroad/core";
import { describe, expect, it } from "vitest";
import { createMessage } from "../src/create.ts";
import { MessageError } from "../src/errors.ts";
import { fieldValues, fieldsOf, fixed, issuesOf, messageIssuesOf, minimal, rendered, textOf } from "./reading.ts";

describe("who a mail is from and for", () => {
  it("takes addresses in every form and keeps what they say", () => {
    const { fields } = createMessage(
      {
        from: "Ann Smith <ann@example.net>",
        to: ["a@x.example, B <b@x.example>", { address: "c@x.example" }, { address: "d@x.example", name: "D" }],
        cc: "Team: e@x.example, F <f@x.example>;, g@x.example",
        bcc: { name: "Friends", members: ["h@x.example", { address: "i@x.example", name: "I" }] },
        replyTo: { address: "j@x.example", name: "" },
      },
      fixed,
    );
    expect(fields.from).toEqual([{ address: "ann@example.net", name: "Ann Smith" }]);
    expect(fields.to).toEqual([
      { address: "a@x.example" },
      { address: "b@x.example", name: "B" },
      { address: "c@x.example" },
      { address: "d@x.example", name: "D" },
    ]);
    expect(fields.cc).toEqual([
      { name: "Team", members: [{ address: "e@x.example" }, { address: "f@x.example", name: "F" }] },
      { address: "g@x.example" },
    ]);
    expect(fields.bcc).toEqual([
      { name: "Friends", members: [{ address: "h@x.example" }, { address: "i@x.example", name: "I" }] },
    ]);
    expect(fields.replyTo).toEqual([{ address: "j@x.example" }]);
  });

  it("derives the envelope from the header, each mailbox once", () => {
    const { envelope } = createMessage({
      from: ["a@x.example", "b@x.example"],
      sender: "office@x.example",
      to: ["c@x.example", "C <c@X.EXAMPLE>"],
      cc: "Team: d@x.example;",
      bcc: ["e@x.example", "c@x.example"],
    });
    expect(envelope).toEqual({
      from: "office@x.example",
      to: ["c@x.example", "d@x.example", "e@x.example"].map((address) => ({ address })),
    });
    expect(createMessage(minimal).envelope.from).toBe("ann@example.net");
  });

  it("U25: Bcc is in the envelope, never in the bytes", async () => {
    const message = createMessage({ ...minimal, bcc: "Dora <dora@example.org>" }, fixed);
    expect(message.envelope.to).toContainEqual({ address: "dora@example.org" });
    expect(await textOf(message)).not.toMatch(/bcc|dora/i);
  });

  it("#12: only Bcc will do, and then To says so", async () => {
    const message = createMessage({ from: "ann@example.net", bcc: "dora@example.org" }, fixed);
    expect(fieldsOf(await textOf(message))).toContain("To: undisclosed-recipients:;");
    expect(message.envelope.to).toEqual([{ address: "dora@example.org" }]);
  });

  it.each([
    ["#12: no author", { to: "a@b" }, "from: is missing; every mail has an author"],
    ["#12: an empty list of authors", { ...minimal, from: [] }, "from: is missing; every mail has an author"],
    [
      "F1: several authors and no sender",
      { ...minimal, from: "a@x, b@x" },
      "sender: is missing; with several authors one must send (RFC 5322 §3.6.2)",
    ],
    ["F1: several senders", { ...minimal, sender: "a@x, b@x" }, "sender: names several; exactly one sends"],
    [
      "#12: nobody to send to",
      { from: "a@b" },
      "to: names nobody; a mail needs a recipient in to, cc, bcc or envelope.to",
    ],
    [
      "#12: a group of nobody to send to",
      { from: "a@b", to: "Team:;" },
      "to: names nobody; a mail needs a recipient in to, cc, bcc or envelope.to",
    ],
    [
      "a group for an author",
      { ...minimal, from: "Team: a@x;" },
      'from: holds the group "Team"; only mailboxes stand here',
    ],
    [
      "a group without a name",
      { ...minimal, to: { name: "", members: ["a@b"] } },
      "to.name: is empty; a group has a name",
    ],
    [
      "a group without members",
      { ...minimal, to: { name: "Team", members: "a@b" } },
      "to.members: must be an array of addresses, not a string",
    ],
    [
      "what is no address",
      { ...minimal, to: [42] },
      "to[0]: must be an address, { address, name } or { name, members }, not a number",
    ],
    [
      "an address without one",
      { ...minimal, to: [{ name: "Bob" }] },
      "to[0]: must be an address, { address, name } or { name, members }, not an object",
    ],
  ])("refuses %s", (_, draft, issue) => {
    expect(issuesOf(draft)).toEqual([issue]);
  });

  it("leaves out a sender who is the author", async () => {
    expect(await rendered({ sender: "Ann <ann@example.net>" })).not.toContain("Sender:");
  });

  it("#4: an address that could be read in two ways is one in header and envelope", async () => {
    const message = createMessage({ ...minimal, to: '"evil@a.test x"@internal.test' }, fixed);
    expect(message.envelope.to).toEqual([{ address: '"evil@a.test x"@internal.test' }]);
    expect(fieldsOf(await textOf(message))).toContain('To: "evil@a.test x"@internal.test');
    expect(issuesOf({ ...minimal, to: "<@r:a@b>" }).length).toBe(1);
  });

  it("#7 C38: an international domain travels, and shows beforehand, in A-labels", async () => {
    const message = createMessage({ ...minimal, to: "Bob <bob@bücher.example>" }, fixed);
    expect(message.envelope.to).toEqual([{ address: "bob@xn--bcher-kva.example" }]);
    expect(message.fields.to).toEqual([{ address: "bob@xn--bcher-kva.example", name: "Bob" }]);
    expect(message.envelope.smtputf8).toBeUndefined();
    expect(await textOf(message)).toContain("To: Bob <bob@xn--bcher-kva.example>");
    for (const domain of ["ｅxample.com", "xn--x", "a\u200d.example", "aא1.example"]) {
      expect(issuesOf({ ...minimal, to: `bob@${domain}` }).length).toBe(1);
    }
  });

  it("#8 F17 C36: a local part beyond ASCII asks for SMTPUTF8 and is the only UTF-8 in the header", async () => {
    const message = createMessage({ ...minimal, subject: "Grüße", to: "Bjørn Ø <bjørn@example.org>" }, fixed);
    expect(message.envelope.smtputf8).toBe(true);
    const header = Buffer.from(await textOf(message), "latin1").toString();
    expect(header).toContain(
      "\r\nTo: =?UTF-8?Q?Bj=C3=B8rn_=C3=98?= <bjørn@example.org>\r\nSubject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=\r\n",
    );
    expect(header.replace("bjørn", "")).toMatch(/^[\t\r\n -~]*$/);
    expect(createMessage({ ...minimal, replyTo: "bjørn@example.org" }).envelope.smtputf8).toBe(true);
    expect(createMessage({ ...minimal, envelope: { to: "bjørn@example.org" } }).envelope.smtputf8).toBe(true);
    expect(createMessage({ ...minimal, headers: { "Resent-To": "bjørn@example.org" } }).envelope.smtputf8).toBe(true);
    expect(createMessage({ ...minimal, headers: { "X-To": "bjørn@example.org" } }).envelope.smtputf8).toBeUndefined();
  });

  it("#6: too many recipients are one error, found at once", () => {
    const many = Array.from({ length: 1_000_000 }, () => "a@b");
    expect(issuesOf({ ...minimal, to: many })).toEqual([
      "to: names 1000000 recipients; the limit is 10000: send several mails, or raise maxRecipients",
    ]);
    const split = { ...minimal, to: ["a@b", "c@d"], cc: "e@f" };
    expect(issuesOf(split, { maxRecipients: 2 })).toEqual([
      "to: names 3 recipients; the limit is 2: send several mails, or raise maxRecipients",
    ]);
    expect(issuesOf({ ...minimal, envelope: { to: ["a@b", "c@d"] } }, { maxRecipients: 1 }).length).toBe(1);
    expect(issuesOf({ ...minimal, to: "a@b, c@d" }, { maxRecipients: 1 }).length).toBe(1);
    expect(issuesOf({ ...minimal, to: { name: "Team", members: ["a@b", "c@d"] } }, { maxRecipients: 1 }).length).toBe(
      1,
    );
  });

  it("#6: nested and cyclic lists and groups are refused", () => {
    const list: unknown[] = ["a@b"];
    list.push(list);
    const group: { name: string; members: unknown[] } = { name: "Team", members: [] };
    group.members.push(group, [group], { name: "Inner", members: [group] });
    expect(issuesOf({ ...minimal, to: list }).length).toBe(1);
    expect(issuesOf({ ...minimal, to: group }).length).toBe(3);
    expect(issuesOf({ ...minimal, to: [["a@b"]] }).length).toBe(1);
  });
});

describe("an envelope of one's own", () => {
  const draft = { ...minimal, cc: "cc@example.org" };

  it("C18: has a VERP address or the null reverse-path", () => {
    expect(createMessage({ ...draft, envelope: { from: "bounce+bob=example.org@example.net" } }).envelope.from).toBe(
      "bounce+bob=example.org@example.net",
    );
    expect(createMessage({ ...draft, envelope: { from: null } }).envelope.from).toBe("");
    expect(createMessage({ ...draft, envelope: { from: "" } }).envelope.from).toBe("");
  });

  it("has other recipients than the header", async () => {
    const message = createMessage(
      { ...draft, envelope: { to: ["Eve <eve@example.org>", { address: "eve@EXAMPLE.org" }] } },
      fixed,
    );
    expect(message.envelope).toEqual({ from: "ann@example.net", to: [{ address: "eve@example.org" }] });
    expect(await textOf(message)).toContain("To: bob@example.org\r\nCc: cc@example.org\r\n");
  });

  it("C39 C40 C41 C45: asks for reports and for TLS", () => {
    const { envelope } = createMessage({
      ...draft,
      envelope: {
        to: [{ address: "a@x.example", notify: "never", originalRecipient: "rfc822;old@x.example" }, "b@x.example"],
        dsn: { notify: ["failure", "delay"], ret: "hdrs", envid: "order 12" },
        requireTls: true,
      },
    });
    expect(envelope).toEqual({
      from: "ann@example.net",
      to: [
        { address: "a@x.example", notify: "never", originalRecipient: "rfc822;old@x.example" },
        { address: "b@x.example", notify: ["failure", "delay"] },
      ],
      dsn: { ret: "hdrs", envid: "order 12" },
      requireTls: true,
    });
    expect(createMessage({ ...draft, envelope: { dsn: { notify: ["success"] } } }).envelope.dsn).toBeUndefined();
  });

  it.each([
    [{ from: "ann" }, 'envelope.from: "ann" is not an address: it has no @'],
    [{ from: 1 }, "envelope.from: must be an address or null, not a number"],
    [{ to: [] }, "to: names nobody; a mail needs a recipient in to, cc, bcc or envelope.to"],
    [
      { to: [{ address: "a@b", notify: [] }] },
      'envelope.to[0].notify: must be "never" or an array of "success", "failure" and "delay"',
    ],
    [
      { dsn: { notify: ["never", "failure"] } },
      'envelope.dsn.notify: must be "never" or an array of "success", "failure" and "delay"',
    ],
    [{ dsn: { ret: "headers" } }, 'envelope.dsn.ret: must be "full" or "hdrs"'],
    [{ dsn: { envid: "é" } }, "envelope.dsn.envid: must be a string of up to 100 printable ASCII characters"],
    [{ dsn: { envid: 5 } }, "envelope.dsn.envid: must be a string of up to 100 printable ASCII characters"],
    [{ dsn: 5 }, "envelope.dsn: must be { notify, ret, envid }, not a number"],
    [{ requireTls: "yes" }, "envelope.requireTls: must be true or false, not a string"],
    [{ requireTLS: true }, "envelope.requireTLS: is not a field; did you mean requireTls?"],
    ["bob@example.org", "envelope: must be { from, to, dsn, requireTls, holdUntil, priority, deliverBy }, not a string"],
  ])("refuses %j", (envelope, issue) => {
    expect(issuesOf({ ...draft, envelope })).toEqual([issue]);
  });
});

describe("what is decided once", () => {
  it("F6: id and Message-ID are random, in the author's domain, and the same in no two mails", () => {
    const [one, other] = [createMessage(minimal), createMessage(minimal)];
    expect(one.fields.messageId).toBe(`<${one.id}@example.net>`);
    expect(one.id).toMatch(/^[0-9a-f-]{36}$/);
    expect(one.id).not.toBe(other.id);
  });

  it("F22: the same fields give the same bytes, whenever they are read", async () => {
    const draft = { ...minimal, text: "ä", html: "b", attachments: [{ content: "c" }] };
    const message = createMessage(draft, fixed);
    expect(await textOf(message)).toBe(await textOf(message));
    expect(await textOf(createMessage(draft, fixed))).toBe(await textOf(message));
  });

  it("takes id, Message-ID, date and meta from the draft", () => {
    const message = createMessage({
      ...minimal,
      id: "order-12",
      messageId: "a@b",
      date: new Date(0),
      meta: { tenant: "x" },
    });
    expect(message).toMatchObject({
      id: "order-12",
      meta: { tenant: "x" },
      fields: { messageId: "<a@b>", date: new Date(0) },
    });
  });

  it("takes the right side of the Message-ID from an option", () => {
    expect(createMessage(minimal, { ...fixed, hostname: "mta1.example.net" }).fields.messageId).toBe(
      "<0123456789abcdef@mta1.example.net>",
    );
    expect(() => createMessage(minimal, { hostname: "a b" })).toThrow(MessageError);
  });

  it("refuses options that there are not", () => {
    expect(() => Reflect.apply(createMessage, undefined, [minimal, { maxRecipient: 5 }])).toThrow(ConfigError);
    expect(() => createMessage(minimal, { maxRecipients: 0 })).toThrow(ConfigError);
  });

  it("is frozen, and does not change with what the draft was made of", async () => {
    const [to, date, meta] = [["bob@example.org"], new Date(0), { a: "b" }];
    const message = createMessage({ ...minimal, to, date, meta });
    const before = await textOf(message);
    to.push("eve@example.org");
    date.setFullYear(2000);
    meta.a = "c";
    expect(message).toMatchObject({ meta: { a: "b" }, fields: { date: new Date(0) } });
    expect(message.envelope.to.length).toBe(1);
    expect(await textOf(message)).toBe(before);
    for (const part of [
      message,
      message.envelope,
      message.envelope.to,
      message.envelope.to[0],
      message.fields,
      message.fields.to,
      message.fields.to[0],
      message.meta,
    ]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  it("small mail is one chunk, from a sync iterable, of the size it says", () => {
    const { content } = createMessage({
      ...minimal,
      text: "a",
      html: "b",
      attachments: [{ content: new Uint8Array(100_000) }],
    });
    const chunks = content.open();
    expect(Array.isArray(chunks) && chunks.length).toBe(1);
    expect(Array.isArray(chunks) && chunks[0].byteLength).toBe(content.size);
  });

  it.each([
    ["#12: an invalid Date", { date: new Date(Number.NaN) }, "date: is an invalid Date"],
    ["#12: an empty date", { date: "" }, "date: must be a Date, not a string"],
    [
      "F7: a year of five digits",
      { date: new Date("+010000-01-01") },
      "date: is in the year 10000; 1900 to 9999 can be written",
    ],
    [
      "F6: a Message-ID without an @",
      { messageId: "abc" },
      'messageId: "<abc>" must have the form <left@right> (RFC 5322 §3.6.4)',
    ],
    ["an empty id", { id: "" }, "id: is empty; leave it out for a random one"],
    ["meta that is no string", { meta: { a: 1 } }, "meta.a: must be a string, not a number"],
    ["a subject that is null", { subject: null }, "subject: must be a string, not null"],
    ["a text that is bytes", { text: new Uint8Array(1) }, "text: must be a string, not an object"],
    ["a text to wait for", { html: Promise.resolve("") }, "html: must be a string, not a promise; await it first"],
    ["a priority that there is not", { priority: "urgent" }, 'priority: must be high, normal or low, not "urgent"'],
    ["a misspelt field", { subjct: "x" }, "subjct: is not a field; did you mean subject?"],
    ["a field of another library", { icalEvent: {} }, "icalEvent: is not a field; did you mean calendar?"],
  ])("refuses %s", (_, change, issue) => {
    expect(issuesOf({ ...minimal, ...change })).toEqual([issue]);
  });

  it("tells everything that is wrong, with a status for each", () => {
    expect(messageIssuesOf({ from: "ann", to: ["bob@", "carl@x"], subject: "a\nb", messageId: "x" })).toMatchObject([
      { path: "from", status: "5.1.7" },
      { path: "to[0]", status: "5.1.3" },
      { path: "subject", status: "5.6.0" },
      { path: "messageId", status: "5.6.0" },
    ]);
  });
});

describe("further header fields", () => {
  it("come as an object or as pairs, and may repeat", async () => {
    expect(await fieldValues({ headers: { "X-A": ["1", "2"], "X-B": undefined, "X-C": "" } }, "X-A")).toEqual([
      "1",
      "2",
    ]);
    expect(
      await fieldValues(
        {
          headers: [
            ["X-A", "1"],
            ["X-B", "2"],
            ["X-A", "3"],
          ],
        },
        "X-A",
      ),
    ).toEqual(["1", "3"]);
    expect(await fieldValues({ headers: [...new Headers({ "x-a": "1" })] }, "x-a")).toEqual(["1"]);
  });

  it.each([
    ["Subject", "use subject"],
    ["FROM", "use from"],
    ["Bcc", "use bcc"],
    ["Resent-Bcc", "use envelope.to"],
    ["Return-Path", "use envelope.from; the last host writes it"],
    ["message-id", "use messageId"],
    ["Date", "use date"],
    ["Mime-Version", "createMessage writes it"],
    ["Content-Type", "use text, html, alternatives or attachments[].type"],
    ["Content-Transfer-Encoding", "createMessage chooses it"],
    ["X-Priority", "use priority"],
    ["List-Unsubscribe", "use list.unsubscribe"],
  ])("F1: %s is refused: %s", (name, advice) => {
    expect(issuesOf({ ...minimal, headers: { [name]: "x" } })).toEqual([
      `headers.${name}: is not a further header field: ${advice}`,
    ]);
  });

  it.each(["", "X A", "X:A", "Ü", "X\tA"])("F3: the name %j is refused", (name) => {
    expect(issuesOf({ ...minimal, headers: { [name]: "x" } }).length).toBe(1);
  });

  it.each([[5], [null], [["X-A"]], [[["X-A", "b", "c"]]], ["X-A: b"], [new Map([["X-A", "b"]])], [new Headers()]])(
    "%j is refused",
    (headers) => {
      expect(issuesOf({ ...minimal, headers }).length).toBe(1);
    },
  );

  it("#13: a long value that must not be encoded is refused", () => {
    expect(issuesOf({ ...minimal, headers: { "Auto-Submitted": "x".repeat(1000) } })).toEqual([
      "headers.Auto-Submitted: has a word of over 900 characters and nowhere to fold it",
    ]);
  });

  it("an answer names what it answers, and the thread", async () => {
    const thread = { inReplyTo: "odd-id-without-at" };
    expect(await fieldValues(thread, "In-Reply-To")).toEqual(["<odd-id-without-at>"]);
    expect(await fieldValues(thread, "References")).toEqual(["<odd-id-without-at>"]);
    expect(await fieldValues({ ...thread, references: [] }, "References")).toEqual([]);
    expect(issuesOf({ ...minimal, references: 5 })).toEqual([
      "references: must be a string or an array of strings, not a number",
    ]);
  });

  it.each([
    ["high", ["1"], ["high"]],
    ["normal", [], []],
    ["low", ["5"], ["low"]],
  ] as const)("priority %s", async (priority, number, word) => {
    expect(await fieldValues({ priority }, "X-Priority")).toEqual(number);
    expect(await fieldValues({ priority }, "Importance")).toEqual(word);
  });
});
