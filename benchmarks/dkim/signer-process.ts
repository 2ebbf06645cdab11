// Signs mails of 10 KB in a process of its own: signer-process.ts <contender> rsa|ed25519
import { generateKey } from "@postroad/dkim";
import { bytesOf, plainMail, prose } from "../harness/mails.ts";
import type { Load } from "../harness/measure.ts";
import { measure } from "../harness/measure.ts";
import { tell } from "../harness/worker.ts";
import type { MakeSign, Sign } from "./sign.ts";

/** Enough to keep the four threads of the pool busy. */
const AT_ONCE = 8;

const SIGNERS: Readonly<Record<string, () => Promise<MakeSign>>> = {
  postroad: async () => (await import("./postroad.ts")).postroad,
  mailauth: async () => (await import("./mailauth.ts")).mailauth,
  nodemailer: async () => (await import("./nodemailer.ts")).nodemailer,
  "crypto.sign": async () => (await import("./bare.ts")).bare,
};

const [contender = "", load] = process.argv.slice(2);
const make = await SIGNERS[contender]?.();
if (make === undefined) throw new Error(`there is no signer ${contender}`);
const type = load === "rsa" ? "rsa" : "ed25519";
const sign = make(type, (await generateKey({ type })).privateKey);
const mails = Array.from({ length: 64 }, (_, number) => bytesOf(plainMail(number, prose(10_000)), number));

async function lane(work: Load, signMail: Sign): Promise<void> {
  for (let number = work.next(); number !== undefined; number = work.next()) {
    const mail = mails[number % mails.length] ?? new Uint8Array();
    const size = await signMail(mail);
    if (size <= mail.byteLength) throw new Error(`${size} bytes hold no signature`);
    work.done();
  }
}

const lanes = (work: Load): Promise<unknown> => Promise.all(Array.from({ length: AT_ONCE }, () => lane(work, sign)));
// A few thousand mails until the compilers have settled; they work at the cost of who is measured.
const times = { warmUp: { cpu: 10_000, clock: 30_000 }, window: { cpu: 2000, clock: 10_000 } };
tell(await measure(async (work) => void (await lanes(work)), times));
process.disconnect();
