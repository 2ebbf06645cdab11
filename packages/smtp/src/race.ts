import { lookup } from "node:dns/promises";
import type { Socket, TcpNetConnectOpts } from "node:net";
import { connect, isIP } from "node:net";
import { orReason } from "./wait.ts";

/** Milliseconds after which the next address is tried beside those that have not answered (RFC 8305 §8). */
const DELAY = 250;
/** Addresses tried at most, the first of each family among them: a name must not make us knock at any number of doors. */
const MOST = 8;

export interface Target {
  readonly host: string;
  readonly port: number;
  readonly localAddress?: string | undefined;
}

/** A connection to whichever address of a host answers first (RFC 8305). */
export async function connectFirst(
  { host, port, localAddress }: Target,
  signal: AbortSignal,
  open: (options: TcpNetConnectOpts) => Socket = connect,
): Promise<Socket> {
  const family = localAddress === undefined ? 0 : isIP(localAddress);
  const addresses = isIP(host) > 0 ? [host] : await addressesOf(host, family, signal);
  return race(addresses, (address) => open({ host: address, port, ...(localAddress !== undefined && { localAddress }) }), signal);
}

async function addressesOf(host: string, family: number, signal: AbortSignal): Promise<readonly string[]> {
  const found = await orReason(lookup(host, { all: true, family }), signal);
  return interleaved(found.map(({ address }) => address)).slice(0, MOST);
}

/** In the system's order of preference (RFC 6724), but with the families in turn (RFC 8305 §4), and each address once. */
export function interleaved(addresses: readonly string[]): readonly string[] {
  const distinct = [...new Set(addresses)];
  const preferred = isIP(distinct[0] ?? "");
  const one = distinct.filter((address) => isIP(address) === preferred);
  const other = distinct.filter((address) => isIP(address) !== preferred);
  return distinct.flatMap((_, turn) => [...one.slice(turn, turn + 1), ...other.slice(turn, turn + 1)]);
}

/**
 * The first of the sockets to connect. The next address has its turn when the last one has failed, or after `delay`, while
 * that is still trying. The others are destroyed. Where none connects, rejects with the first error.
 */
export function race(
  addresses: readonly string[],
  open: (address: string) => Socket,
  signal: AbortSignal,
  delay: number = DELAY,
): Promise<Socket> {
  const left = addresses.values();
  const trying = new Set<Socket>();
  const errors: unknown[] = [];
  let timer: NodeJS.Timeout | undefined;

  return new Promise((resolve, reject) => {
    function settle(done: () => void): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      for (const socket of trying) socket.removeAllListeners().on("error", () => undefined).destroy();
      done();
    }

    const abort = (): void => settle(() => reject(signal.reason));

    function next(): void {
      clearTimeout(timer);
      const { value: address, done } = left.next();
      if (done !== true) attempt(address);
      else if (trying.size === 0) settle(() => reject(errors[0]));
    }

    function attempt(address: string): void {
      const socket = open(address);
      trying.add(socket);
      const failed = (error: Error): void => {
        trying.delete(socket);
        errors.push(error);
        next();
      };
      socket.once("error", failed).once("connect", () => {
        trying.delete(socket.off("error", failed));
        settle(() => resolve(socket));
      });
      timer = setTimeout(next, delay);
    }

    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    else next();
  });
}
