// Many mails with a progress bar: SMTP_URL=… COUNT=1000
import { styleText } from "node:util";
import type { DraftFor } from "postroad";
import { createMailer, smtp } from "postroad";

const { SMTP_URL = "smtps://user:pass@smtp.example.com", COUNT = "1000" } = process.env;
const count = Number(COUNT);
const defaults = { from: "Shop <news@shop.example>", list: { id: "news.shop.example" } } as const;

/** Drafts are made as they are needed, so a million of them take no more memory than ten. */
function* newsletter(): Generator<DraftFor<typeof defaults>> {
  for (let reader = 1; reader <= count; reader += 1) {
    yield { to: `reader${reader}@example.net`, subject: "News", text: `Hello reader ${reader}, here is the news.` };
  }
}

await using mailer = createMailer(smtp(SMTP_URL), defaults);
const tally = { accepted: 0, deferred: 0, rejected: 0, invalid: 0 };
let done = 0;
for await (const sent of mailer.sendAll(newsletter(), { concurrency: 50 })) {
  if (sent.receipt === undefined) tally.invalid += 1;
  else for (const { kind } of sent.receipt.outcomes) tally[kind] += 1;
  done += 1;
  progress();
}
console.log(`\n${JSON.stringify(tally)}`);

function progress(): void {
  if (!process.stdout.isTTY && done < count) return;
  const filled = Math.round((done / count) * 40);
  process.stdout.write(`\r${styleText("green", "█".repeat(filled))}${"░".repeat(40 - filled)} ${done}/${count}`);
}
