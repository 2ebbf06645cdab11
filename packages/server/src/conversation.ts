import { Refusal } from "@postroad/core";
import { CommandError, refuse } from "./command-error.ts";
import type { Dialogue } from "./dialogue.ts";
import { nextLine } from "./dialogue.ts";
import { extendedHello, hello } from "./hello.ts";
import type { Line } from "./input.ts";
import { auth } from "./login.ts";
import { bdat, data } from "./message-commands.ts";
import type { Answer } from "./reply.ts";
import { closing, failed, refusalAnswer, wireForm } from "./reply.ts";
import { foreign, help, noop, notHere, quit, vrfy } from "./small-commands.ts";
import { startTls } from "./starttls.ts";
import { mail, rcpt, reset, rset } from "./transaction-commands.ts";
import type { Wire } from "./wire.ts";

type Answers = Answer | readonly Answer[];
type Command = (args: string, dialogue: Dialogue) => Answers | Promise<Answers>;

const COMMON: readonly (readonly [string, Command])[] = [
  ["MAIL", mail], ["RCPT", rcpt], ["DATA", data], ["BDAT", bdat], ["RSET", rset], ["AUTH", auth], ["STARTTLS", startTls],
  ["NOOP", noop], ["VRFY", vrfy], ["HELP", help], ["QUIT", quit],
  ["EXPN", notHere], ["TURN", notHere], ["ETRN", notHere], ["ATRN", notHere], ["SEND", notHere], ["SOML", notHere], ["SAML", notHere],
  ["GET", foreign], ["POST", foreign], ["HEAD", foreign], ["CONNECT", foreign], ["PROXY", foreign],
];
const SMTP: ReadonlyMap<string, Command> = new Map([...COMMON, ["EHLO", extendedHello], ["HELO", hello]]);
const LMTP: ReadonlyMap<string, Command> = new Map([...COMMON, ["LHLO", extendedHello]]);

/** These get no mail further. */
const JUNK: ReadonlySet<string> = new Set(["NOOP", "RSET", "VRFY", "HELP", "EHLO", "HELO", "LHLO", "AUTH"]);

/** Answers commands until the connection ends, and gives the reason. */
export async function converse(dialogue: Dialogue): Promise<string> {
  const { wire } = dialogue;
  try {
    while (!wire.dead) {
      const heard = dialogue.stopping ? ({ silence: "stop" } as const) : nextLine(dialogue, true);
      const line = heard instanceof Promise ? await heard : heard;
      if (typeof line === "object" && "silence" in line) return depart(dialogue, line.silence);
      const said = respond(line, dialogue);
      const last = say(wire, said instanceof Promise ? await said : said);
      if (last?.close === true) return wireForm(last).trimEnd();
    }
    return "the client closed the connection";
  } finally {
    await reset(dialogue);
    wire.close();
  }
}

/** Gives the last of them. */
function say(wire: Wire, answers: Answers): Answer | undefined {
  if ("code" in answers) {
    wire.write(wireForm(answers));
    return answers;
  }
  for (const answer of answers) wire.write(wireForm(answer));
  return answers.at(-1);
}

const LATE = closing(421, "4.4.2", "too long without a command");
const STOPPING = closing(421, "4.3.2", "the server is going down");

function depart({ wire }: Dialogue, silence: "end" | "timeout" | "stop"): string {
  if (silence === "end") return "the client closed the connection";
  const last = wireForm(silence === "timeout" ? LATE : STOPPING);
  wire.write(last);
  return last.trimEnd();
}

/** No promise, nor a turn of the loop, for what is known at once. */
function respond(line: Line, dialogue: Dialogue): Answers | Promise<Answers> {
  const verb = verbOf(line);
  const fault = (error: unknown): Answers => counted(afterFault(error, verb, dialogue), verb, dialogue);
  try {
    const answers = carryOut(line, verb, dialogue);
    return answers instanceof Promise ? answers.then((said) => counted(said, verb, dialogue), fault) : counted(answers, verb, dialogue);
  } catch (error) {
    return fault(error);
  }
}

/** What is said in the end: a client that has had too many refusals hears that instead. */
function counted(answers: Answers, verb: string, dialogue: Dialogue): Answers {
  const last = "code" in answers ? answers : answers.at(-1);
  const isMessage = verb === "DATA" || verb === "BDAT";
  if (last?.code === 250 && isMessage) dialogue.errors = dialogue.deferrals = dialogue.junk = 0;
  else if (JUNK.has(verb)) dialogue.junk += 1;
  if (last !== undefined && last.code >= 400) {
    if (last.code >= 500) dialogue.errors += 1;
    else dialogue.deferrals += 1;
    report(verb, last, dialogue);
  }
  // Who has the mail has to be said: the next command ends it.
  return (isMessage ? undefined : tooMuch(dialogue)) ?? answers;
}

function verbOf(line: Line): string {
  if (typeof line !== "string") return "";
  const end = line.indexOf(" ");
  return (end === -1 ? line : line.slice(0, end)).toUpperCase();
}

const FAULTS = {
  long: "the line is too long",
  bare: "a command ends in CR LF, and holds neither before",
  control: "a command holds no control characters",
  encoding: "not UTF-8",
};

function carryOut(line: Line, verb: string, dialogue: Dialogue): Answers | Promise<Answers> {
  if (typeof line !== "string") throw refuse(500, "5.5.2", FAULTS[line.fault]);
  if (line.length > dialogue.services.settings.limits.command - 2 && verb !== "AUTH") throw refuse(500, "5.5.2", FAULTS.long);
  const command = (dialogue.session.mode === "lmtp" ? LMTP : SMTP).get(verb);
  if (command === undefined) throw refuse(500, "5.5.1", "unknown command");
  return command(line.slice(verb.length + 1), dialogue);
}

function afterFault(error: unknown, verb: string, { session, services }: Dialogue): Answer {
  if (error instanceof CommandError) return error.answer;
  if (error instanceof Refusal) return refusalAnswer(error);
  services.settings.onEvent({ kind: "error", session, doing: verb, error });
  return failed;
}

/** What is no command may be a password: of a login that was refused, and went on all the same. */
function report(verb: string, answer: Answer, { session, services }: Dialogue): void {
  const command = SMTP.has(verb) || LMTP.has(verb) ? verb : "";
  services.settings.onEvent({ kind: "refused", session, command, reply: wireForm(answer).trimEnd() });
}

function tooMuch({ errors, deferrals, junk, services }: Dialogue): Answer | undefined {
  const { limits } = services.settings;
  if (errors >= limits.errors) return closing(421, "4.7.0", "too many errors");
  if (deferrals > limits.deferrals) return closing(421, "4.7.0", "too many commands that are deferred");
  return junk > limits.junk ? closing(421, "4.7.0", "too many commands without a mail") : undefined;
}
