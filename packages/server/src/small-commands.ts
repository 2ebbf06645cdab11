import { refuse } from "./command-error.ts";
import type { Dialogue } from "./dialogue.ts";
import type { Answer } from "./reply.ts";
import { answer } from "./reply.ts";

export function noop(): Answer {
  return answer(250, "2.0.0", "ok");
}

/** What addresses there are is told to nobody: RCPT says it, and says it slowly (RFC 5321 §3.5.3, §7.3). */
export function vrfy(args: string, { transaction }: Dialogue): Answer {
  if (args.trim() === "") throw refuse(501, "5.5.4", "VRFY takes an address");
  const utf8 = /[^ -~]/.test(args) && !/ SMTPUTF8$/i.test(args) && transaction?.smtputf8 !== true;
  if (utf8) throw refuse(550, "5.6.7", "such an address needs SMTPUTF8");
  return answer(252, "2.0.0", "send a mail and see");
}

export function help(): Answer {
  return answer(214, "2.0.0", "RFC 5321 says it all");
}

export function quit(): Answer {
  return { code: 221, status: "2.0.0", text: "bye", close: true };
}

/** Known, and not to be had: EXPN would tell who is on a list, TURN and ETRN hand out other people's mail. */
export function notHere(): Answer {
  return answer(502, "5.5.1", "not implemented");
}

/** A browser that was led here, or the middle of a message: nothing good follows. */
export function foreign(): Answer {
  return { code: 554, status: "5.5.1", text: "this is a mail server", close: true };
}
