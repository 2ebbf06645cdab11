import type { Copy, Report, Settled, SinkLedger, Submission } from "./ledgers.ts";
import { fateOf } from "./ledgers.ts";

/** One thing that is claimed, and what was seen. */
export interface Proof {
  readonly what: string;
  readonly got: string;
  readonly holds: boolean;
}

/** All that is known when the queue has come to rest. */
export interface Books {
  readonly submissions: readonly Submission[];
  readonly sink: SinkLedger;
  readonly settled: readonly Settled[];
  /** When the queue's process was killed, milliseconds since 1970. */
  readonly kills: readonly number[];
  /** Deliveries that the queue has under way at most. */
  readonly concurrency: number;
}

/** A recipient of a mail, and all that happened to it. */
interface Case {
  readonly recipient: string;
  readonly mail: Submission;
  readonly copies: readonly Copy[];
  readonly reports: readonly Report[];
  readonly settled: readonly Settled[];
}

/** Holds the senders' ledger against the sink's (docs/requirements.md, I1 to I5). */
export function judge(books: Books): readonly Proof[] {
  const cases = casesOf(books);
  return [noLoss(cases), boundedDuplicates(cases, books), ...windows(cases, books), noPhantom(books), noCorruption(books), recipients(cases, books)];
}

/** Everything by recipient: an address belongs to one mail only. */
function casesOf({ submissions, sink, settled }: Books): readonly Case[] {
  const copies = Map.groupBy(sink.copies, ({ recipient }) => recipient);
  const done = Map.groupBy(settled, ({ recipient }) => recipient);
  const reports = Map.groupBy(
    sink.reports.flatMap((report) => report.recipients.map((recipient) => ({ recipient, report }))),
    ({ recipient }) => recipient,
  );
  return submissions.flatMap((mail) =>
    mail.recipients.map((recipient) => ({
      recipient,
      mail,
      copies: copies.get(recipient) ?? [],
      reports: reports.get(recipient)?.map(({ report }) => report) ?? [],
      settled: done.get(recipient) ?? [],
    })),
  );
}

function noLoss(cases: readonly Case[]): Proof {
  const answered = cases.filter(({ mail }) => mail.told === "accepted");
  const lost = answered.filter(({ copies, reports }) => copies.length === 0 && reports.length === 0);
  const both = answered.filter(({ copies, reports }) => copies.length > 0 && reports.length > 0);
  const wrong = answered.filter(({ recipient, copies }) => (fateOf(recipient) === "refused") !== (copies.length === 0));
  const bounced = answered.filter(({ reports }) => reports.length > 0).length;
  const delivered = answered.filter(({ copies }) => copies.length > 0).length;
  const got = `${answered.length} recipients of mails answered with 250: ${delivered} delivered, ${bounced} bounced`;
  return {
    what: "I1: every recipient of a mail answered with 250 is delivered or bounced, and not both",
    got: `${got}; ${lost.length} lost, ${both.length} both${sample(lost)}${sample(both)}${sample(wrong)}`,
    holds: answered.length > 0 && lost.length + both.length + wrong.length === 0,
  };
}

/** The copies of one recipient's mail, or the reports about one, that came after the first. */
function spares(items: readonly { readonly at: number }[]): readonly { readonly at: number }[] {
  return items.toSorted((a, b) => a.at - b.at).slice(1);
}

function boundedDuplicates(cases: readonly Case[], { kills, concurrency }: Books): Proof {
  const copies = cases.flatMap((each) => spares(each.copies)).length;
  const reports = cases.flatMap((each) => spares(each.reports)).length;
  const limit = kills.length * concurrency;
  return {
    what: "I2: duplicates are at most kills × concurrency",
    got: `${copies} of ${cases.length} mails and ${reports} reports came twice, in ${kills.length} kills; the limit is ${limit}`,
    holds: copies + reports <= limit,
  };
}

/** A second copy may come only where the process was killed before it had written down that the first was delivered. */
function windows(cases: readonly Case[], { kills }: Books): readonly Proof[] {
  const unexplained = cases.filter(({ copies, reports }) => [copies, reports].some((items) => {
    const times = items.map(({ at }) => at).toSorted((a, b) => a - b);
    return times.slice(1).some((at, index) => !kills.some((kill) => kill >= (times[index] ?? 0) && kill <= at));
  }));
  const late = cases.filter(({ copies, settled }) => {
    const done = Math.min(...settled.map(({ at }) => at));
    return copies.some(({ at }) => at > done);
  });
  const minted = cases.filter(({ reports }) => new Set(reports.map(({ id }) => id)).size > 1);
  return [
    {
      what: "I2: between a copy and the next there was a kill",
      got: `${unexplained.length} without one${sample(unexplained)}`,
      holds: unexplained.length === 0,
    },
    {
      what: "I2: no copy comes after it was on disk that the recipient is done with",
      got: `${late.length} of ${cases.filter(({ settled }) => settled.length > 0).length} did${sample(late)}`,
      holds: late.length === 0 && cases.some(({ settled }) => settled.length > 0),
    },
    {
      what: "I2: a recipient has one report, whose copies have the same Message-ID",
      got: `${minted.length} recipients with several${sample(minted)}`,
      holds: minted.length === 0,
    },
  ];
}

function noPhantom({ submissions, sink }: Books): Proof {
  const known = new Map(submissions.map((mail) => [mail.id, mail]));
  const refused = new Set<Submission["told"]>(["deferred", "rejected", "unsent"]);
  const strangers = sink.copies.filter(({ id }) => !known.has(id));
  const unwanted = sink.copies.filter(({ id }) => refused.has(known.get(id)?.told ?? "unknown"));
  const answers = Map.groupBy(submissions, ({ told }) => told);
  return {
    what: "I3: nothing arrives that was not sent, or whose sender was not told that it was taken",
    got: `${submissions.length} sent: ${[...answers].map(([told, mails]) => `${mails.length} ${told}`).join(", ")}; ${strangers.length} strangers, ${unwanted.length} unwanted${sample([...strangers, ...unwanted])}`,
    holds: strangers.length + unwanted.length === 0,
  };
}

function noCorruption({ submissions, sink }: Books): Proof {
  const hashes = new Map(submissions.map(({ id, hash }) => [id, hash]));
  const corrupt = sink.copies.filter(({ id, hash }) => hashes.get(id) !== hash);
  return {
    what: "I4: every copy has the bytes that were sent",
    got: `${corrupt.length} of ${sink.copies.length} have others${sample(corrupt)}`,
    holds: sink.copies.length > 0 && corrupt.length === 0,
  };
}

function recipients(cases: readonly Case[], { submissions, sink }: Books): Proof {
  const addressed = new Map(submissions.map(({ id, recipients: to }) => [id, new Set(to)]));
  const added = sink.copies.filter(({ id, recipient }) => addressed.get(id)?.has(recipient) !== true);
  const senders = new Map(cases.map(({ recipient, mail }) => [recipient, mail.sender]));
  const astray = sink.reports.filter(({ to, recipients: about }) => about.length === 0 || about.some((each) => senders.get(each) !== to));
  const partial = [...Map.groupBy(cases, ({ mail }) => mail.id).values()].filter((group) => {
    const ended = group.filter(({ copies, reports }) => copies.length + reports.length > 0).length;
    return ended > 0 && ended < group.length;
  });
  return {
    what: "I5: no recipient is added or left out, and a report goes to the sender alone",
    got: `${added.length} added, ${partial.length} mails for some only, ${astray.length} of ${sink.reports.length} reports astray${sample(added)}${sample(partial.flat())}`,
    holds: added.length + astray.length + partial.length === 0,
  };
}

/** A few of the addresses, for whoever has to find out why. */
function sample(items: readonly { readonly recipient: string }[]): string {
  return items.length === 0 ? "" : ` (${items.slice(0, 5).map(({ recipient }) => recipient).join(", ")})`;
}
