import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { startPostfix } from "../../interop/harness/postfix.ts";
import { arrived, startReceiver } from "../harness/receiver.ts";
import type { Sample } from "../harness/sample.ts";
import { RATE } from "../harness/units.ts";
import { inPath, isExecutable } from "./programs.ts";

const run = promisify(execFile);

/** Seconds that a measurement should take. */
const SPAN = 4;
/** Mails to find out how fast it is. */
const TRIAL = 300;

/** Why there can be none, if so. */
export function withoutPostfix(): string | undefined {
  if (process.getuid?.() !== 0) return "it takes root to run Postfix";
  return isExecutable("/usr/sbin/postfix") && inPath("smtp-source") ? undefined : "Postfix is not installed";
}

/** Relays everything to the receiver as fast as it can: as many at once as it likes, over kept connections. */
export function relaying(port: number): Record<string, string> {
  return {
    default_transport: "smtp",
    relayhost: `[127.0.0.1]:${port}`,
    smtpd_recipient_restrictions: "permit_mynetworks, reject",
    smtpd_client_connection_rate_limit: "0",
    smtp_tls_security_level: "none",
    smtp_connection_cache_destinations: `[127.0.0.1]:${port}`,
    initial_destination_concurrency: "20",
    default_destination_recipient_limit: "1",
    in_flow_delay: "0",
    message_size_limit: "0",
  };
}

/** Mails a second from smtp-source through Postfix to the receiver, all of them delivered. */
export async function postfixThrough(size: number, sessions: number): Promise<Sample> {
  await using receiver = await startReceiver();
  await using postfix = await startPostfix({ settings: relaying(receiver.port) });
  const rate = await timed(async (count, before) => {
    await source(postfix.ports.relay, { count, size, sessions });
    await arrived(receiver, before + count);
  });
  return { [RATE.name]: rate };
}

/** Mails a second that Postfix takes from smtp-source while it delivers none. */
export async function postfixAccepts(size: number, sessions: number): Promise<Sample> {
  await using postfix = await startPostfix({ settings: { ...relaying(9), defer_transports: "smtp" } });
  const rate = await timed((count) => source(postfix.ports.relay, { count, size, sessions }));
  return { [RATE.name]: rate };
}

/** The rate of work on so many mails as take about `SPAN`, after some to warm up. */
async function timed(work: (count: number, before: number) => Promise<void>): Promise<number> {
  await work(TRIAL, 0);
  const trial = await seconds(() => work(TRIAL, TRIAL));
  const count = Math.max(TRIAL, Math.round((TRIAL / trial) * SPAN));
  return count / (await seconds(() => work(count, 2 * TRIAL)));
}

async function seconds(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

async function source(port: number, { count, size, sessions }: { count: number; size: number; sessions: number }): Promise<void> {
  const amount = ["-s", String(sessions), "-m", String(count), "-l", String(size)];
  await run("smtp-source", [...amount, "-f", "orders@shop.example", "-t", "ann@example.net", `127.0.0.1:${port}`], { timeout: 60_000 });
}
