import type { Outcome, Recipient, Transport } from "@postroad/core";
import { readAll, Refusal, transport, verdictOf } from "@postroad/core";
import type { CourierOptions } from "./options.ts";
import { checkCourierOptions } from "./options.ts";

const by = "courier";

/** Hands each recipient's copy to `options.take`, one after the other. */
export function courier(options: CourierOptions): Transport {
  checkCourierOptions(options);
  return transport(by, async (mail, { signal }) => {
    const bytes = await readAll(mail.content);
    const outcomes: Outcome[] = [];
    for (const recipient of mail.envelope.to) {
      // The last moment an abort counts: once a copy is handed over, its outcome says what happened.
      outcomes.push(signal?.aborted === true ? aborted(recipient) : await handOver(options, recipient, bytes));
    }
    return { mail: mail.id, outcomes };
  });
}

async function handOver({ take }: CourierOptions, recipient: Recipient, bytes: Uint8Array): Promise<Outcome> {
  try {
    await take(recipient, bytes);
    return { kind: "accepted", status: "2.0.0", by, recipient: recipient.address };
  } catch (error) {
    return { ...verdictOf(refusalOf(error), by), recipient: recipient.address };
  }
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  return new Refusal("4.3.0", "take() failed for another reason than a Refusal", { cause: error, uncertain: true });
}

function aborted({ address }: Recipient): Outcome {
  return {
    kind: "deferred",
    status: "4.3.2",
    by,
    recipient: address,
    message: "aborted before this copy was handed over",
  };
}
