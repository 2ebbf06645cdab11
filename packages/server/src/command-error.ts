import type { Status } from "@postroad/core";
import type { Answer } from "./reply.ts";
import { answer, closing } from "./reply.ts";

/** Thrown while a command is carried out: this is what the client hears. */
export class CommandError extends Error {
  readonly answer: Answer;

  constructor(said: Answer) {
    super(typeof said.text === "string" ? said.text : said.text.join(" "));
    this.name = "CommandError";
    this.answer = said;
  }
}

export function refuse(code: number, status: Status<4 | 5>, text: string): CommandError {
  return new CommandError(answer(code, status, text));
}

export function dismiss(code: number, status: Status<4 | 5>, text: string): CommandError {
  return new CommandError(closing(code, status, text));
}
