import { once } from "node:events";
import type { Socket } from "node:net";
import { Refusal } from "@postroad/core";

/** Waits for `promise`, or rejects with a Refusal when the signal aborts first. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new Refusal("4.3.2", "aborted", { phase: "queue" }));
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** Destroys the socket where it does not get ready. */
export async function untilReady<S extends Socket>(socket: S, event: string, signal: AbortSignal): Promise<S> {
  try {
    await once(socket, event, { signal });
    return socket;
  } catch (error) {
    socket.on("error", () => undefined).destroy();
    throw error;
  }
}

/** Waits for `promise`, or rejects with the signal's reason when that aborts first. */
export function orReason<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** What others open may ignore the signal; then it is closed when it comes after all. */
export function inTime(opening: Promise<Socket>, signal: AbortSignal): Promise<Socket> {
  const settled = opening.then((socket) => {
    if (signal.aborted) socket.on("error", () => undefined).destroy();
    return socket;
  });
  return orReason(settled, signal);
}
