// A first mail: SMTP_URL=smtps://user:pass@smtp.example.com TO=you@example.org
import { createMailer, smtp } from "postroad";

const { SMTP_URL = "smtps://user:pass@smtp.example.com", TO = "Ann <ann@example.net>" } = process.env;

await using mailer = createMailer(smtp(SMTP_URL), { from: "Shop <hi@shop.example>" });
const receipt = await mailer.send({ to: TO, subject: "Your order", text: "Thanks! It is on its way." });
for (const { recipient, kind, status } of receipt.outcomes) console.log(`${recipient} ${kind} ${status}`);
