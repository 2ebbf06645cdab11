// A mail that exists already, sent byte for byte: SMTP_URL=… TO=you@example.org, and the .eml file as the argument.
import { join } from "node:path";
import { deliver, file, rawMail, smtp } from "postroad";

const { SMTP_URL = "smtps://user:pass@smtp.example.com", TO = "ann@example.net" } = process.env;
const path = process.argv[2] ?? join(import.meta.dirname, "../mail/rfc2822_example02.eml");

await using transport = smtp(SMTP_URL);
const mail = await rawMail(await file(path), { envelope: { from: "archive@shop.example", to: [TO] } });
const receipt = await deliver(transport, mail);
console.log(`${path}: ${mail.content.size} bytes, ${receipt.outcomes.map(({ kind }) => kind).join(", ")}`);
