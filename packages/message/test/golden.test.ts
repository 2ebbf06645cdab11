import { Buffer } from "node:buffer";
import { describe, expect, it } from "vitest";
import type { Draft } from "../src/draft.ts";
import { rendered } from "./reading.ts";

function mail(...lines: string[]): string {
  return lines.map((line) => `${line}\r\n`).join("");
}

async function expectMail(draft: Partial<Draft>, ...lines: string[]): Promise<void> {
  expect(await rendered(draft)).toBe(mail(...lines));
}

const head = ["From: ann@example.net", "To: bob@example.org"];
const when = ["Date: Sun, 22 Nov 2026 08:30:15 +0000", "Message-ID: <0123456789abcdef@example.net>"];
const mixed = "=_0123456789abcdefexamplenet_mix";
const alternative = "=_0123456789abcdefexamplenet_alt";
const related = "=_0123456789abcdefexamplenet_rel";

describe("F22: the bytes of a mail, the same on every system", () => {
  it("F7 F9: of a text", () =>
    expectMail(
      { subject: "Hello", text: "Hi Bob,\n\nsee you.\n" },
      ...head,
      "Subject: Hello",
      ...when,
      "MIME-Version: 1.0",
      "Content-Type: text/plain; charset=utf-8",
      "Content-Transfer-Encoding: 7bit",
      "",
      "Hi Bob,",
      "",
      "see you.",
    ));

  it("of nothing but addresses", () =>
    expectMail(
      {},
      ...head,
      ...when,
      "MIME-Version: 1.0",
      "Content-Type: text/plain; charset=utf-8",
      "Content-Transfer-Encoding: 7bit",
      "",
    ));

  it("F1 F10 F14: of a text in German with every address field", () =>
    expectMail(
      {
        from: ["Änne Müller <anne@bücher.example>", { name: "Smith, John", address: "john@example.net" }],
        sender: "office@example.net",
        replyTo: "Team: anne@example.net, john@example.net;",
        to: ["bob@example.org", { name: "Nobody", members: [] }],
        cc: '"Carl \\"CJ\\" Jones" <carl@example.org>',
        bcc: "dora@example.org",
        subject: "Grüße",
        text: "Schöne Grüße aus Köln ",
      },
      "From: =?UTF-8?Q?=C3=84nne_M=C3=BCller?= <anne@xn--bcher-kva.example>,",
      ' "Smith, John" <john@example.net>',
      "Sender: office@example.net",
      "Reply-To: Team: anne@example.net, john@example.net;",
      "To: bob@example.org, Nobody:;",
      'Cc: "Carl \\"CJ\\" Jones" <carl@example.org>',
      "Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=",
      "Date: Sun, 22 Nov 2026 08:30:15 +0000",
      "Message-ID: <0123456789abcdef@xn--bcher-kva.example>",
      "MIME-Version: 1.0",
      "Content-Type: text/plain; charset=utf-8",
      "Content-Transfer-Encoding: quoted-printable",
      "",
      "Sch=C3=B6ne Gr=C3=BC=C3=9Fe aus K=C3=B6ln=20",
    ));

  it("F12 F13 F19: of every kind of part, nested as clients expect it", () =>
    expectMail(
      {
        subject: "All",
        text: "see HTML",
        html: '<img src="cid:logo">',
        alternatives: [{ type: "text/x-amp-html", content: "<html amp4email>" }],
        calendar: { content: "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n" },
        attachments: [
          { filename: "a.txt", content: "abc" },
          { filename: "logo.png", content: Buffer.from([137, 80, 78, 71]), contentId: "logo" },
        ],
      },
      ...head,
      "Subject: All",
      ...when,
      "MIME-Version: 1.0",
      `Content-Type: multipart/mixed; boundary="${mixed}"`,
      "",
      `--${mixed}`,
      `Content-Type: multipart/alternative;`,
      ` boundary="${alternative}"`,
      "",
      `--${alternative}`,
      "Content-Type: text/plain; charset=utf-8",
      "Content-Transfer-Encoding: 7bit",
      "",
      "see HTML",
      `--${alternative}`,
      "Content-Type: text/x-amp-html; charset=utf-8",
      "Content-Transfer-Encoding: 7bit",
      "",
      "<html amp4email>",
      `--${alternative}`,
      `Content-Type: multipart/related; type="text/html";`,
      ` boundary="${related}"`,
      "",
      `--${related}`,
      "Content-Type: text/html; charset=utf-8",
      "Content-Transfer-Encoding: 7bit",
      "",
      '<img src="cid:logo">',
      `--${related}`,
      'Content-Type: image/png; name="logo.png"',
      'Content-Disposition: inline; filename="logo.png"',
      "Content-ID: <logo>",
      "Content-Transfer-Encoding: base64",
      "",
      "iVBORw==",
      `--${related}--`,
      `--${alternative}`,
      "Content-Type: text/calendar; method=REQUEST; charset=utf-8",
      "Content-Transfer-Encoding: 7bit",
      "",
      "BEGIN:VCALENDAR",
      "METHOD:REQUEST",
      "END:VCALENDAR",
      "",
      `--${alternative}--`,
      `--${mixed}`,
      'Content-Type: text/plain; charset=utf-8; name="a.txt"',
      'Content-Disposition: attachment; filename="a.txt"',
      "Content-Transfer-Encoding: base64",
      "",
      "YWJj",
      `--${mixed}--`,
    ));

  it("L1 L2 L5: of a newsletter, an answer in a thread, with a priority", () =>
    expectMail(
      {
        inReplyTo: "second@example.org",
        references: "<first@example.org> <second@example.org>",
        priority: "low",
        headers: { "X-Campaign": "spring", "Auto-Submitted": "auto-generated" },
        list: {
          id: "Büro, täglich <news.example.net>",
          unsubscribe: {
            url: "https://example.net/u?t=a,b",
            mailto: "leave@example.net?subject=leave me",
            oneClick: true,
          },
          help: "https://example.net/hilfe/ü",
          post: false,
          archive: ["https://example.net/1", new URL("https://example.net/2")],
        },
      },
      ...head,
      ...when,
      "In-Reply-To: <second@example.org>",
      "References: <first@example.org> <second@example.org>",
      "X-Campaign: spring",
      "Auto-Submitted: auto-generated",
      "X-Priority: 5",
      "Importance: low",
      "List-ID: =?UTF-8?Q?B=C3=BCro=2C_t=C3=A4glich?= <news.example.net>",
      "List-Unsubscribe: <https://example.net/u?t=a,b>,",
      " <mailto:leave@example.net?subject=leave%20me>",
      "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
      "List-Help: <https://example.net/hilfe/%C3%BC>",
      "List-Post: NO",
      "List-Archive: <https://example.net/1>, <https://example.net/2>",
      "MIME-Version: 1.0",
      "Content-Type: text/plain; charset=utf-8",
      "Content-Transfer-Encoding: 7bit",
      "",
    ));

  it("F8: of a mail sent on, with the fields of its way in front and in order", () =>
    expectMail(
      {
        headers: [
          ["X-Note", "behind"],
          ["Resent-From", "Müller <m@example.net>"],
          ["Resent-To", '"A, B" <ab@example.net>'],
          ["Received", "from a by b; Sun, 22 Nov 2026 08:00:00 +0000"],
        ],
      },
      "Resent-From: =?UTF-8?Q?M=C3=BCller?= <m@example.net>",
      'Resent-To: "A, B" <ab@example.net>',
      "Received: from a by b; Sun, 22 Nov 2026 08:00:00 +0000",
      ...head,
      ...when,
      "X-Note: behind",
      "MIME-Version: 1.0",
      "Content-Type: text/plain; charset=utf-8",
      "Content-Transfer-Encoding: 7bit",
      "",
    ));

  it("F11 F16: of a file whose name is not ASCII", () =>
    expectMail(
      { attachments: [{ filename: "résumé – 日本.pdf", content: new Uint8Array(60) }] },
      ...head,
      ...when,
      "MIME-Version: 1.0",
      'Content-Type: application/pdf; name="resume _ __.pdf"',
      "Content-Disposition: attachment;",
      " filename*=utf-8''r%C3%A9sum%C3%A9%20%E2%80%93%20%E6%97%A5%E6%9C%AC.pdf",
      "Content-Transfer-Encoding: base64",
      "",
      "A".repeat(76),
      "AAAA",
    ));
});
