import { once } from "node:events";
import type { Socket } from "node:net";
import type { Client } from "../../packages/server/test/client.ts";
import type { Proof, Seen } from "./proof.ts";
import { flat } from "./proof.ts";
import type { Target } from "./server.ts";
import { ENVELOPE, warmTarget } from "./server.ts";

const BLOCK = Buffer.alloc(64 * 1024, "a");
/** The same in lines. */
const LINES = Buffer.from(`${"a".repeat(510)}\r\n`.repeat(128));
const BLOCKS = 4096;
const MIB = (BLOCKS * BLOCK.byteLength) / 1024 / 1024;
/** Milliseconds for all blocks. */
const PATIENCE = 20_000;
const CHUNKS = 100_000;
/** Lines of 50 octets, in chunks that are sent before the replies are read. */
const BATCH = Array.from(`${"a".repeat(48)}\r\n`.repeat(10), (octet) => `BDAT 1\r\n${octet}`);

/** What does not end, and what comes in crumbs. */
export async function endless(): Promise<readonly Proof[]> {
  await using target = await warmTarget();
  await using command = await target.dial();
  await using line = await target.dial();
  await using message = await target.dial();
  await using crumbs = await target.dial();
  return [
    await flat(`a command line of ${MIB} MiB is refused`, target, () => ending(command, BLOCK, "\r\n", /^500 5\.5\.2 /)),
    await flat(`a line of ${MIB} MiB in a message is refused`, target, async () => {
      await line.say(...ENVELOPE, "DATA");
      return ending(line, BLOCK, "\r\n.\r\n", /^55[02] 5\.[36]\./);
    }),
    await flat(`a message of ${MIB} MiB is refused`, target, async () => {
      await message.say(...ENVELOPE, "DATA");
      message.send("Subject: large\r\n\r\n");
      return ending(message, LINES, "\r\n.\r\n", /^552 5\.3\.4 /);
    }),
    await flat(`${CHUNKS} chunks of one octet are one mail`, target, () => oneByOne(crumbs, target)),
  ];
}

/** Says the block over and over and then the end; the server has to go on afterwards. */
async function ending(client: Client, block: Buffer, end: string, expected: RegExp): Promise<Seen> {
  const sent = await pour(client.socket, block);
  client.send(end);
  const reply = await client.reply();
  const next = await client.say("NOOP");
  const got = `${((sent * block.byteLength) / 1024 / 1024).toFixed(0)} MiB sent, then ${reply}`;
  return { got, holds: expected.test(reply ?? "") && next?.startsWith("250 ") === true };
}

async function pour(socket: Socket, block: Buffer): Promise<number> {
  const until = performance.now() + PATIENCE;
  let sent = 0;
  for (; sent < BLOCKS && performance.now() < until && !socket.destroyed; sent += 1) {
    if (!socket.write(block)) await once(socket, "drain");
  }
  return sent;
}

/** All of them at once, as CHUNKING lets a client. */
async function oneByOne(client: Client, target: Target): Promise<Seen> {
  const before = await target.state();
  await client.say(...ENVELOPE);
  const header = "Subject: crumbs\r\n\r\n";
  client.send(`BDAT ${header.length}\r\n${header}`);
  await client.reply();
  let taken = 0;
  for (let sent = 0; sent < CHUNKS; sent += BATCH.length) {
    client.send(BATCH.join(""));
    for (const _ of BATCH) taken += (await client.reply())?.startsWith("250 ") === true ? 1 : 0;
  }
  const last = await client.say("BDAT 0 LAST");
  const after = await target.state();
  const arrived = after.octets - before.octets;
  return {
    got: `${taken} chunks taken, then ${last?.replace(/ queued as .*/, "")}, ${arrived} octets with their header`,
    holds: taken === CHUNKS && last?.startsWith("250 ") === true && after.taken - before.taken === 1 && arrived > CHUNKS,
  };
}
