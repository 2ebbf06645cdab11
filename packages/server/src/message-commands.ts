import { dismiss, refuse } from "./command-error.ts";
import { deliver } from "./delivery.ts";
import type { Dialogue } from "./dialogue.ts";
import { expectSilence } from "./dialogue.ts";
import { Pace } from "./pace.ts";
import { Reception } from "./reception.ts";
import type { Answer } from "./reply.ts";
import { answer, failed } from "./reply.ts";
import type { OpenTransaction } from "./transaction.ts";
import type { Silence, Wanted } from "./wire.ts";

/** DATA: the message, up to a lone dot (RFC 5321 §4.1.1.4). With it the mail is over, whatever becomes of it. */
export async function data(args: string, dialogue: Dialogue): Promise<readonly Answer[]> {
  const { transaction, wire } = dialogue;
  if (args.trim() !== "") throw refuse(501, "5.5.4", "DATA takes no argument");
  if (transaction === undefined) throw refuse(503, "5.5.1", "say MAIL first");
  if (transaction.chunks !== undefined) throw refuse(503, "5.5.1", "go on with BDAT, or say RSET");
  if (transaction.recipients.length === 0) throw refuse(554, "5.5.1", "no valid recipients");
  expectSilence(dialogue, "DATA");
  dialogue.transaction = undefined;
  wire.write("354 go ahead, and end with a lone dot\r\n");
  const message = receptionFor(dialogue, true);
  try {
    const pace = new Pace(dialogue);
    while (!message.ended) {
      const heard = wire.next(whatCame, pace.left);
      const chunk = expectOctets(heard instanceof Promise ? await heard : heard, pace);
      const kept = message.take(chunk);
      const taken = typeof kept === "number" ? kept : await kept;
      if (taken < chunk.byteLength) wire.input.unshift(chunk.subarray(taken));
    }
    return await conclude(dialogue, transaction, message);
  } finally {
    const released = message.release();
    if (released !== undefined) await released;
  }
}

/** BDAT: a piece of the message by its length, the last one so named (RFC 3030 §2). */
export async function bdat(args: string, dialogue: Dialogue): Promise<Answer | readonly Answer[]> {
  const [, digits, last] = /^(\d{1,15})( LAST)?$/i.exec(args.trim()) ?? [];
  // How many octets follow nobody knows: they must not pass for commands.
  if (digits === undefined) throw dismiss(501, "5.5.4", "BDAT takes a number of octets, and LAST for the last");
  const { transaction } = dialogue;
  const wrong = outOfOrder(transaction);
  const message = wrong === undefined && transaction !== undefined ? (transaction.chunks ??= receptionFor(dialogue, false)) : undefined;
  await takeChunk(Number(digits), message, dialogue);
  if (message === undefined || transaction === undefined) throw wrong ?? refuse(503, "5.5.1", "say MAIL first");
  const { refusal } = message;
  if (refusal === undefined && last === undefined) return answer(250, "2.0.0", `${digits} octets received`);
  dialogue.transaction = undefined;
  try {
    // Until the last chunk there is one reply, for LMTP too.
    return refusal !== undefined && last === undefined ? refusal : await conclude(dialogue, transaction, message);
  } finally {
    await message.release();
  }
}

function outOfOrder(transaction: OpenTransaction | undefined): Error | undefined {
  if (transaction === undefined) return refuse(503, "5.5.1", "say MAIL first");
  return transaction.recipients.length === 0 ? refuse(503, "5.5.1", "no valid recipients") : undefined;
}

/** A chunk is read to its end even where nobody wants it. */
async function takeChunk(size: number, message: Reception | undefined, dialogue: Dialogue): Promise<void> {
  const { transaction, wire } = dialogue;
  const pace = message === undefined || transaction === undefined ? new Pace(dialogue) : (transaction.pace ??= new Pace(dialogue));
  for (let left = size; left > 0; ) {
    const chunk = expectOctets(await wire.next((input) => input.take(left), pace.left), pace);
    left -= chunk.byteLength;
    if (message !== undefined) await message.take(chunk);
  }
}

const whatCame: Wanted<Buffer> = (input) => input.take();

/** What has come of the message. Throws where nothing more comes. */
function expectOctets(heard: Buffer | Silence, pace: Pace): Buffer {
  if ("silence" in heard) throw dismiss(421, "4.4.2", heard.silence === "timeout" ? "the message comes too slowly" : "the message ends early");
  pace.took(heard.byteLength);
  return heard;
}

function receptionFor({ services, session, transaction }: Dialogue, dots: boolean): Reception {
  const { onEvent } = services.settings;
  return new Reception(services, dots, (error, octets) => {
    services.room.lacked(Math.max(octets, transaction?.parameters.size ?? 0));
    onEvent({ kind: "error", session, doing: "spool", error });
  });
}

async function conclude(dialogue: Dialogue, transaction: OpenTransaction, message: Reception): Promise<readonly Answer[]> {
  const finished = message.finish();
  const arrived = finished instanceof Promise ? await finished : finished;
  if (arrived === undefined) return each(transaction, message.refusal ?? failed);
  dialogue.delivering = true;
  try {
    return await deliver(dialogue, transaction, arrived);
  } finally {
    dialogue.delivering = false;
  }
}

/** The same for all recipients: once, or for LMTP as often as there are (RFC 2033 §4.2). */
function each({ session, accepted }: OpenTransaction, said: Answer): readonly Answer[] {
  return session.mode === "lmtp" ? accepted.map(() => said) : [said];
}

