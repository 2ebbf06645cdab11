import type { Proof } from "./proof.ts";
import type { Target } from "./server.ts";
import { startTarget } from "./server.ts";

const ATTACKER = "127.9.0.1";
const CONNECTIONS = 40;
/** Logins tried over each connection that is let stay. */
const TRIES = 100;
const FAILURES = 20;
/** Addresses that guess together, and what each may fail at one account. */
const ADDRESSES = 20;
const EACH = 3;

/** Guesses the password of one account, from one address and then from many, with the limits that the server has by default. */
export async function logins(): Promise<readonly Proof[]> {
  await using target = await startTarget({ mode: "submission", limits: { loginFailuresPerClient: FAILURES } });
  const heard = (await Promise.all(Array.from({ length: CONNECTIONS }, () => guess(target)))).flat();
  const { asked } = await target.state();
  const codes = ["535", "454", "421"].map((code) => `${heard.filter((reply) => reply === code).length} times ${code}`);
  const barred = await login(target, ATTACKER);
  const other = await login(target, undefined);
  const many = (await Promise.all(Array.from({ length: ADDRESSES }, (_, index) => twice(target, `127.9.2.${index + 1}`)))).flat();
  const more = (await target.state()).asked - asked - 1;
  const owner = await login(target, undefined);
  return [
    {
      what: `${CONNECTIONS} connections from one address guess passwords: after ${FAILURES}, whether they have failed or are under way, none is looked at`,
      got: `${heard.length} tried, ${asked} looked at: ${codes.join(", ")}`,
      holds: asked === FAILURES && heard.every((reply) => ["535", "454", "421"].includes(reply)),
    },
    { what: "every connection that goes on guessing is closed", got: `at most ${heard.length / CONNECTIONS} tries a connection`, holds: heard.length < CONNECTIONS * TRIES },
    { what: "the address is barred even with the right password, and others log in", got: `${barred}; from elsewhere ${other}`, holds: barred.startsWith("454 ") && other.startsWith("235 ") },
    {
      what: `${ADDRESSES} more addresses guess at the same account: of each ${EACH} guesses are looked at, and its owner logs in`,
      got: `${many.length} tried, ${more} looked at; the owner ${owner}`,
      holds: many.length > ADDRESSES * EACH && more === ADDRESSES * EACH && owner.startsWith("235 "),
    },
  ];
}

/** A connection is closed when it has failed often enough; this one comes back. */
async function twice(target: Target, from: string): Promise<readonly string[]> {
  return [...(await guess(target, from)), ...(await guess(target, from))];
}

/** The codes of the answers. */
async function guess(target: Target, from: string = ATTACKER): Promise<readonly string[]> {
  await using client = await target.dial(from);
  await client.say("EHLO client.example");
  const heard: string[] = [];
  for (let tried = 0; tried < TRIES; tried += 1) {
    const reply = await client.say(plain(`guess${tried}`));
    if (reply === undefined) break;
    heard.push(reply.slice(0, 3));
  }
  return heard;
}

async function login(target: Target, from: string | undefined): Promise<string> {
  await using client = await target.dial(from);
  return (await client.say("EHLO client.example", plain("s3cret"))) ?? "nothing";
}

function plain(pass: string): string {
  return `AUTH PLAIN ${Buffer.from(`\0ann@example.org\0${pass}`).toString("base64")}`;
}
