import { plainMail } from "../harness/mails.ts";

/** Sends a mail with a file attached, or without. Throws where it was not accepted. */
export interface Attaching extends AsyncDisposable {
  send(path: string | undefined): Promise<void>;
}

/** Opens a sender to a port of 127.0.0.1, in plain text. */
export type Open = (port: number) => Attaching;

export const MAIL = plainMail(1, "The file is attached.\n");
export const FILENAME = "large.bin";
