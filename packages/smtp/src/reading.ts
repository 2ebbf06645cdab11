import type { NetConnectOpts, Socket } from "node:net";
import { connect } from "node:net";

/** Takes bytes that are there only until it returns. */
type Take = (bytes: Buffer) => void;

/** Where all these sockets read into, one after the other. */
const SHARED = Buffer.allocUnsafeSlow(64 * 1024);

interface Reader {
  take: Take | undefined;
  /** What came while nobody took it. */
  early: Buffer;
}

const readers = new WeakMap<Socket, Reader>();

/**
 * A socket that reads into a buffer that is there already: to get and collect one for each read, as streams do, costs
 * more than to read the reply in it. Only `onBytes` gives what it reads, so it is nothing for TLS or a proxy to take over.
 */
export function connectPlain(options: NetConnectOpts): Socket {
  const reader: Reader = { take: undefined, early: Buffer.alloc(0) };
  const callback = (length: number): boolean => {
    const bytes = SHARED.subarray(0, length);
    if (reader.take === undefined) reader.early = Buffer.concat([reader.early, bytes]);
    else reader.take(bytes);
    // False pauses.
    return reader.take !== undefined;
  };
  const socket = connect({ ...options, onread: { buffer: SHARED, callback } });
  readers.set(socket, reader);
  return socket;
}

/** Hands over what a socket reads, whoever made it, until the function that it returns is called. */
export function onBytes(socket: Socket, take: Take): () => void {
  const reader = readers.get(socket);
  if (reader === undefined) {
    socket.on("data", take);
    return () => void socket.off("data", take);
  }
  const { early } = reader;
  reader.take = take;
  if (early.byteLength > 0) process.nextTick(() => reader.take?.(early));
  reader.early = Buffer.alloc(0);
  return () => (reader.take = undefined);
}
