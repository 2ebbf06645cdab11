import type { Outcome } from "@postroad/core";
import type { Action, ReportOptions } from "./options.ts";
import type { Reported } from "./recipients.ts";
import { dateTime, oneLine, wrapped } from "./text.ts";

/** Subjects by which mail programs and people know such reports. */
export const SUBJECTS: Readonly<Record<Action, string>> = {
  failed: "Delivery Status Notification (Failure)",
  delayed: "Delivery Status Notification (Delay)",
  delivered: "Delivery Status Notification (Success)",
  relayed: "Delivery Status Notification (Relay)",
};

const OPENING: Readonly<Record<Action, string>> = {
  failed: "Your message could not be delivered to these recipients, and will not be tried again:",
  delayed: "Your message has not been delivered yet to these recipients. It is still being tried: you need not send it again.",
  delivered: "Your message was delivered to these recipients:",
  relayed:
    "Your message was handed on for these recipients to a mail server that does not report on success. You will hear " +
    "of it only if that server reports a failure.",
};

/** More than anybody reads; the part for programs lists them all. */
const MOST_NAMED = 100;

/** What of the mail follows. */
export type Returned = "message" | "header" | "cut header";

const FOLLOWS: Readonly<Record<Returned, string>> = {
  message: "Your message follows below the technical details.",
  header: "The header of your message follows below the technical details.",
  "cut header": "The beginning of the header of your message follows below the technical details.",
};

/** The part that people read: who, what happened, when, and what may help. */
export function humanPart(options: ReportOptions, reported: readonly Reported[], returned: Returned): string {
  const { action, reportingMta, willRetryUntil } = options;
  const named = reported.slice(0, MOST_NAMED);
  const left = reported.length - named.length;
  const paragraphs = [
    wrapped(`This is a report of the mail system at ${reportingMta}.`),
    wrapped(OPENING[action]),
    ...named.map(paragraphOf),
    left === 0 ? [] : wrapped(`And ${left} more, whom the technical details list.`),
    action === "delayed" && willRetryUntil !== undefined ? wrapped(`It will be tried until ${dateTime(willRetryUntil)}.`) : [],
    wrapped(FOLLOWS[returned]),
  ];
  return `${paragraphs.filter((lines) => lines.length > 0).map((lines) => lines.join("\r\n")).join("\r\n\r\n")}\r\n`;
}

function paragraphOf({ recipient, outcome }: Reported): string[] {
  return [`<${oneLine(recipient.address, "utf-8")}>`, ...factsOf(outcome).flatMap(([label, text]) => item(label, text))];
}

function item(label: string, text: string | undefined): string[] {
  if (text === undefined || text === "") return [];
  return wrapped(`${label}: ${oneLine(text, "utf-8")}`, 70).map((line, index) => (index === 0 ? `  ${line}` : `    ${line}`));
}

type Fact = readonly [label: string, text: string | undefined];

function factsOf(outcome: Outcome): readonly Fact[] {
  const { status, remote, reply } = outcome;
  if (outcome.kind === "accepted") {
    return [
      ["Taken by", remote],
      ["It said", reply === undefined ? undefined : `${reply.code} ${reply.text}`],
    ];
  }
  const { message, diagnosis = {} } = outcome;
  const said = reply === undefined || message.includes(firstLine(reply.text)) ? undefined : `${reply.code} ${reply.text}`;
  return [
    ["What happened", `${message} (status ${status})`],
    ["When", diagnosis.phase === undefined ? undefined : (WHEN.get(diagnosis.phase) ?? `in the phase "${diagnosis.phase}"`)],
    ["The other server", remote],
    ["It said", said],
    ["Mind", outcome.kind === "deferred" && outcome.uncertain === true ? "it may have arrived all the same" : undefined],
    ["What may help", diagnosis.advice],
  ];
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}

/** Phases of a delivery, in words. */
const WHEN: ReadonlyMap<string, string> = new Map([
  ["queue", "while it waited for its turn"],
  ["connect", "while connecting to the other server"],
  ["tls", "while securing the connection"],
  ["starttls", "while securing the connection"],
  ["greeting", "while the other server greeted"],
  ["ehlo", "while the two servers introduced themselves"],
  ["auth", "while logging in at the other server"],
  ["mail", "when the other server was told the sender"],
  ["rcpt", "when the other server was told the recipient"],
  ["data", "when the message was about to be sent"],
  ["body", "while the message was sent"],
  ["final", "after the message was sent, when its receipt was due"],
]);
