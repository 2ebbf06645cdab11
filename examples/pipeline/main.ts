// A pipeline of one's own: signed once, retried with the same bytes, and over to a second server where the first is down.
// SMTP_URL=… TO=you@example.org, and BACKUP_URL for the second.
import { compose, createMailer, dkim, failover, retry, smtp } from "postroad";
import { generateKey } from "@postroad/dkim";

const { SMTP_URL = "smtps://user:pass@smtp.example.com", TO = "ann@example.net" } = process.env;
const { BACKUP_URL = SMTP_URL } = process.env;

const key = await generateKey({ type: "ed25519" });
const transport = compose(
  dkim({ domain: "shop.example", selector: "news", key: key.privateKey }),
  retry(),
  failover(smtp(SMTP_URL), smtp(BACKUP_URL)),
);

await using mailer = createMailer(transport, { from: "Shop <hi@shop.example>" });
const receipt = await mailer.send({ to: TO, subject: "Your order", text: "Thanks!" });
console.log(`${transport.name}: ${receipt.outcomes.map(({ recipient, kind, by }) => `${recipient} ${kind} by ${by}`).join(", ")}`);
