import type { Proof, Seen } from "./proof.ts";
import { flat } from "./proof.ts";
import type { Target } from "./server.ts";
import { ENVELOPE, warmTarget } from "./server.ts";

const LIMIT = 262_144;
/** Times that each header is sent. */
const ROUNDS = 50;

interface Bomb {
  readonly what: string;
  readonly header: string;
  readonly expected: RegExp;
}

const BOMBS: readonly Bomb[] = [
  { what: `a header of ${LIMIT + 1} octets is refused`, header: folded(LIMIT + 1), expected: /^552 5\.3\.4 / },
  { what: "a header of 100000 fields is refused", header: "X-Bomb: bang\r\n".repeat(100_000), expected: /^552 5\.3\.4 / },
  { what: "101 fields Received are refused", header: "Received: by a.example; Tue, 24 Nov 2026 00:00:00 +0000\r\n".repeat(101), expected: /^554 5\.4\.6 / },
  { what: "the largest header there may be is taken", header: "A:\r\n".repeat(LIMIT / 4), expected: /^250 / },
];

/** Headers that are too large for whoever has to read them. */
export async function headers(): Promise<readonly Proof[]> {
  await using target = await warmTarget();
  const proofs: Proof[] = [];
  for (const { what, header, expected } of BOMBS) {
    proofs.push(await flat(`${what}, ${ROUNDS} times`, target, () => thrown(target, header, expected)));
  }
  return proofs;
}

/** Each over a connection of its own, which refusals would end. */
async function thrown(target: Target, header: string, expected: RegExp): Promise<Seen> {
  const replies = new Set<string>();
  for (let round = 0; round < ROUNDS; round += 1) {
    await using client = await target.dial();
    await client.say(...ENVELOPE, "DATA");
    replies.add((await client.say(`${header}\r\nbody\r\n.`))?.replace(/ queued as .*/, "") ?? "nothing");
  }
  return { got: [...replies].join("; "), holds: [...replies].every((reply) => expected.test(`${reply} `)) };
}

/** One field of exactly so many octets, in lines. */
function folded(octets: number): string {
  const line = `\r\n ${"a".repeat(70)}`;
  const field = `X-Bomb: bang${line.repeat(Math.ceil(octets / line.length))}`;
  return `${field.slice(0, octets - 3)}a\r\n`;
}
