import type { Plain } from "../harness/mails.ts";

/** Composes a mail, reads all of its bytes and gives their number. */
export type Compose = (mail: Plain) => number | Promise<number>;
