import type { Mail, Outcome } from "@postroad/core";
import type { Attributes } from "@opentelemetry/api";
import * as names from "./names.ts";
import type { Personal } from "./options.ts";

/** A word with an @ in it, up to what parts the names of an expression. A local part may be quoted (RFC 5321 §4.1.2). */
const ADDRESS = /(?:"[^"]*"|[^\s"()=,])*@[^\s()=,]*/g;

/** The name of a transport, with `…@…` for every address in it: whoever names transports may think of people. */
export function withoutAddresses(name: string): string {
  return name.includes("@") ? name.replaceAll(ADDRESS, "…@…") : name;
}

/** What is known of a mail before it is sent. */
export function attributesOf(mail: Mail, transport: string, record: ReadonlySet<Personal>): Attributes {
  const subject = subjectOf(mail);
  return {
    [names.MAIL_ID]: mail.id,
    [names.TRANSPORT]: withoutAddresses(transport),
    [names.RECIPIENTS]: mail.envelope.to.length,
    ...(record.has("sender") && { [names.SENDER_ADDRESS]: mail.envelope.from }),
    ...(record.has("recipients") && { [names.RECIPIENT_ADDRESSES]: mail.envelope.to.map(({ address }) => address) }),
    ...(record.has("subject") && subject !== undefined && { [names.SUBJECT]: subject }),
  };
}

/** Only a Message has one that need not be parsed. */
function subjectOf(mail: Mail): string | undefined {
  if (!("fields" in mail) || typeof mail.fields !== "object" || mail.fields === null) return undefined;
  return "subject" in mail.fields && typeof mail.fields.subject === "string" ? mail.fields.subject : undefined;
}

/** A mail in a queue, as a message of OpenTelemetry's messaging conventions. */
export function messagingAttributes(mail: Mail, operation: "send" | "process", queue: string | undefined): Attributes {
  return {
    ...operationAttributes(operation, queue),
    [names.MESSAGING_MESSAGE_ID]: mail.id,
    ...(mail.content.size !== undefined && { [names.MESSAGING_ENVELOPE_SIZE]: mail.content.size }),
  };
}

/** Those of them that are few enough for metrics. */
export function operationAttributes(operation: "send" | "process", queue: string | undefined): Attributes {
  return {
    [names.MESSAGING_SYSTEM]: "postroad",
    [names.MESSAGING_OPERATION_TYPE]: operation,
    [names.MESSAGING_OPERATION_NAME]: operation,
    ...(queue !== undefined && { [names.MESSAGING_DESTINATION]: queue }),
  };
}

/** How it went, in numbers. */
export function countAttributes(outcomes: readonly Outcome[]): Attributes {
  const count = (name: string): number => outcomes.filter((outcome) => verdictOf(outcome) === name).length;
  return {
    [names.ACCEPTED]: count("accepted"),
    [names.DEFERRED]: count("deferred"),
    [names.REJECTED]: count("rejected"),
    [names.UNCERTAIN]: count("uncertain"),
    ...errorAttributes(outcomes),
  };
}

export function errorAttributes(outcomes: readonly Outcome[]): Attributes {
  const status = errorOf(outcomes);
  return status === undefined ? {} : { [names.ERROR_TYPE]: status };
}

/** The status of the first who was not accepted: one of few, unlike its message. */
export function errorOf(outcomes: readonly Outcome[]): string | undefined {
  return outcomes.find(({ kind }) => kind !== "accepted")?.status;
}

export function verdictOf(outcome: Outcome): "accepted" | "deferred" | "uncertain" | "rejected" {
  return outcome.kind === "deferred" && outcome.uncertain === true ? "uncertain" : outcome.kind;
}

const CATEGORIES = ["other", "address", "mailbox", "system", "network", "protocol", "content", "security"];

/** RFC 3463 §3: the second number of a status. */
export function categoryOf({ status }: Outcome): string {
  return CATEGORIES[Number(status.split(".")[1])] ?? "other";
}

/** One conversation with a server, from what it left in the outcomes. */
export function transactionAttributes(outcomes: readonly Outcome[]): Attributes {
  const told = outcomes.find(({ kind }) => kind !== "accepted") ?? outcomes[0];
  if (told === undefined) return {};
  return {
    [names.TRANSPORT]: withoutAddresses(told.by),
    ...(told.remote !== undefined && placeOf(told.remote, told.by)),
    ...(told.reply !== undefined && { [names.REPLY_CODE]: told.reply.code }),
    [names.ENHANCED_STATUS]: told.status,
  };
}

/** `host:port`, `[address]:port`, a path, or a name alone. */
function placeOf(remote: string, by: string): Attributes {
  const [, bracketed, name, port] = /^(?:\[([^\]]+)\]|([^:/]+)):(\d{1,5})$/.exec(remote) ?? [];
  const protocol = /^(?:smtp|lmtp)(?=:|$)/.exec(by)?.[0];
  return {
    [names.SERVER_ADDRESS]: bracketed ?? name ?? remote,
    ...(port !== undefined && { [names.SERVER_PORT]: Number(port) }),
    [names.NETWORK_TRANSPORT]: remote.startsWith("/") ? "unix" : "tcp",
    ...(protocol !== undefined && { [names.NETWORK_PROTOCOL_NAME]: protocol }),
  };
}
