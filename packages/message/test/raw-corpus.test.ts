import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readAll } from "@postroad/core";
import { describe, expect, it } from "vitest";
import { MessageError } from "../src/errors.ts";
import { file } from "../src/file.ts";
import type { RawMailOptions } from "../src/raw.ts";
import { rawMail } from "../src/raw.ts";

const folder = new URL("fixtures/mail/", import.meta.url);

/** Who sends and receives by the header: `sender > recipient recipient`. The bytes travel as they are. */
const ACCEPTED: Readonly<Record<string, string>> = {
  attachment_attachment_content_location: "foo@example.com > blah@example.com",
  attachment_attachment_message_rfc822_inline_image: "test@example.com > foo@example.com",
  attachment_attachment_only_email: "rfinnie@domain.dom > bob@domain.dom",
  attachment_attachment_with_unquoted_name: "foo@example.com > blah@example.com",
  attachments_basic_email: "test@lindsaar.net > raasdnil@gmail.com",
  "error_content_transfer_encoding_7-bit": "discovercard_newsflash@discover.qrs1.net > emclaug@enron.com",
  error_content_transfer_encoding_plain: "baocqccyw@hq.lindsayelec.com > em-ca-bruceg@em.ca",
  error_content_transfer_encoding_spam: "shechem@poetrix.com > vladi.Pimenov@enron.com",
  error_content_transfer_encoding_with_8bits: "announcements@provantage.com > jeff_dasovich@enron.com",
  error_content_transfer_encoding_x_uuencode: "RRGA-L@LIST.RTOWEST.ORG > RRGA-L@LIST.RTOWEST.ORG",
  error_empty_in_reply_to: "ak@g.com > abuser@r.ru",
  error_header_fields_with_empty_values: "jorn@prikkprikkprikk.no > aftest@adfontesmedier.no",
  error_weird_to_header: "anonymous@i.tp.host > user-example@aol.com e-s-a-s-2200@app.ar.com",
  mime_raw_email7: "foo@example.com > blah@example.com",
  mime_raw_email_with_mimepart_without_content_type: "MAILER-DAEMON@antivirus.uqam.ca > roor32@gmail.com",
  mime_sig_only_email: "test@test.lindsaar.net > mikel@test.lindsaar.net",
  multi_charset_japanese_attachment_long_name: "mikel@test.lindsaar.net > raasdnil@gmail.com",
  multi_charset_japanese_shift_jis: "xxxxxxx@docomo.ne.jp > unknown@example.com",
  multipart_report_multi_address_bounce1: "MAILER-DAEMON@lvmail01.LL.com > rahul.chaudhari@LL.com",
  multipart_report_multipart_report_multiple_status: "Postmaster@ci.com > notification+promo@blah.com",
  multipart_report_report_530: "MAILER-DAEMON@tttttt.com.au > mikel@sssss.net",
  plain_basic_email_lf: "test@lindsaar.net > raasdnil@gmail.com",
  plain_raw_email5: "xxx@xxxx.xxx > xxxxxxxxxxx@xxxx.xxxx.xxx",
  plain_raw_email_reply: "xxxxxxxx@xxx.org > mikel@xxxx.net",
  rfc2822_example02: "mjones@machine.example > mary@example.net",
  rfc2822_example04: "pete@silly.example > c@a.test joe@where.test jdoe@one.test",
  rfc2822_example06: "mary@example.net > jdoe@machine.example",
  rfc2822_example08: "mary@example.net > j-brown@other.example",
  rfc2822_example10: "pete@silly.test > c@public.example joe@example.org jdoe@one.test",
  rfc2822_example12: "jdoe@machine.example > mary@example.net",
};

const MBOX = /^line 1: begins with the From line of an mbox file/;
const EIGHT_BIT = /octet \d+ is beyond ASCII/;
const BLANK_FOLD = /holds only white space/;
const envelope = { from: "ann@example.net", to: "bob@example.net" };

/** Why it is refused, and which options let it travel all the same; null where nothing does. */
const REFUSED: Readonly<Record<string, readonly [why: RegExp, options: RawMailOptions | null]>> = {
  // RFC 4155: the From line belongs to the mbox format, not to the mail.
  attachment_attachment_pdf_lf: [MBOX, { repair: { mboxLine: true }, smtputf8: true }],
  attachment_attachment_pdf_non_ascii_lf: [MBOX, { repair: { mboxLine: true }, smtputf8: true }],
  attachment_attachment_with_encoded_name: [MBOX, { repair: { mboxLine: true } }],
  mime_raw_email11: [MBOX, { repair: { mboxLine: true }, envelope }],
  mime_raw_email2: [MBOX, { repair: { mboxLine: true } }],
  mime_raw_email_with_binary_encoded: [MBOX, null],
  mime_raw_email_with_nested_attachment: [MBOX, { repair: { mboxLine: true } }],
  plain_raw_email: [MBOX, { repair: { mboxLine: true } }],
  plain_raw_email8: [MBOX, { repair: { mboxLine: true } }],
  plain_raw_email_double_at_in_header: [MBOX, { repair: { mboxLine: true } }],
  plain_raw_email_string_in_date_field: [MBOX, { repair: { mboxLine: true }, smtputf8: true }],
  plain_raw_email_with_partially_quoted_subject: [MBOX, { repair: { mboxLine: true } }],
  rfc2822_example14: [MBOX, { repair: { mboxLine: true, blankFolds: true } }],
  // RFC 5322 §3.2.2: no line of a folded field is made up of white space alone.
  error_bad_subject: [/^line 21: holds only white space/, { repair: { blankFolds: true } }],
  error_new_line_in_to_header: [/^line 22: holds only white space/, { repair: { blankFolds: true } }],
  // RFC 5322 §3.6: a Date is required; References and Subject occur once. RFC 2045 §3: so does Content-Type.
  error_multiple_content_types: [/^line 7: is a second Content-type; line 6 has the first.*Date: is missing/, null],
  error_multiple_references_with_one_invalid: [/^line 9: is neither a header field nor/, null],
  multi_charset_japanese: [/^Date: is missing/, { repair: { date: new Date(0) } }],
  // RFC 5322 §3.3: a time of day has an hour.
  error_bad_date_header2: [/^line \d+: is a Date that says no date and time/, { repair: { date: new Date(0) } }],
  // RFC 5322 §3.4: these are no addresses, so the header does not tell who receives.
  error_missing_body: [/^To \(line 3\): "<Undisclosed-Recipient:@mailman.enron.com;>" has ":"/, { envelope }],
  plain_raw_email_multiple_from: [/^From \(line 4\): .* has "c" at character 20/, { envelope }],
  // RFC 5322 §3.6.2: several authors need a Sender. §3.4: an @ in a display name needs quotes.
  plain_raw_email_with_at_display_name: [/^From \(line 18\): names 2 mailboxes.*To \(line 19\): .* has "<"/, { envelope }],
};

const bytesOf = (name: string): Buffer => readFileSync(new URL(`${name}.eml`, folder));

async function failure(name: string, options: RawMailOptions): Promise<string> {
  const error: unknown = await rawMail(bytesOf(name), options).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(MessageError);
  return error instanceof MessageError ? error.message : "";
}

describe("mail corpus", () => {
  it("#14: has a verdict for every file", () => {
    const names = readdirSync(folder).map((name) => name.slice(0, -".eml".length));
    expect(names.toSorted()).toEqual([...Object.keys(ACCEPTED), ...Object.keys(REFUSED)].toSorted());
  });

  it.each(Object.entries(ACCEPTED))("#14 F8: %s travels byte for byte", async (name, expected) => {
    for (const source of [bytesOf(name), await file(fileURLToPath(new URL(`${name}.eml`, folder)))]) {
      const mail = await rawMail(source);
      const sent = await readAll(mail.content);
      expect(`${mail.envelope.from} > ${mail.envelope.to.map(({ address }) => address).join(" ")}`).toBe(expected);
      expect(bytesOf(name).equals(sent)).toBe(true);
      expect(mail.content.size).toBe(sent.length);
    }
  });

  it.each(Object.entries(REFUSED))("#14 #15 F1: %s is refused with its reason", async (name, [why]) => {
    expect(await failure(name, {})).toMatch(why);
  });

  const mendable = Object.entries(REFUSED).filter(([, [, options]]) => options !== null);
  it.each(mendable)("#14: %s travels where an option says how", async (name, [, options]) => {
    const mail = await rawMail(bytesOf(name), options ?? {});
    const sent = Buffer.from(await readAll(mail.content));
    expect(mail.content.size).toBe(sent.length);
    // What is dropped or put in front is header: from the blank line on, every byte is as it was.
    const body = bytesOf(name).indexOf("\r\n\r\n");
    expect(sent.subarray(sent.indexOf("\r\n\r\n")).equals(bytesOf(name).subarray(body))).toBe(true);
    await expect(rawMail(sent, { ...options, repair: {} })).resolves.toBeDefined();
  });

  it("F1 F17: what no option mends", async () => {
    expect(await failure("mime_raw_email_with_binary_encoded", { repair: { mboxLine: true } })).toMatch(/line 12: is a second Subject/);
    expect(await failure("attachment_attachment_pdf_lf", { repair: { mboxLine: true } })).toMatch(EIGHT_BIT);
    expect(await failure("rfc2822_example14", { repair: { mboxLine: true } })).toMatch(BLANK_FOLD);
  });
});
