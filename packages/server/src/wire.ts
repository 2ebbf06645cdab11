import type { Socket } from "node:net";
import { deadline } from "./deadline.ts";
import type { Input } from "./input.ts";
import { openInput } from "./input.ts";

/** How a wait for the client ended: it said more, it is gone, its time is up, or the server stops. */
export type Awaited = "input" | "end" | "timeout" | "stop";

/** One connection's bytes: what the client says is taken when it is wanted, what is said to it leaves in few writes. */
export interface Wire {
  readonly input: Input;
  /** The client has gone, or was sent away: nothing can be said any more. */
  readonly dead: boolean;
  /** Printable ASCII, which leaves with the next flush. */
  write(text: string): void;
  flush(): void;
  /** Waits for more than was there at the last look; at most so many milliseconds. Whoever does not read gets nothing to read. */
  more(patience: number, wakeable?: boolean): Promise<Awaited>;
  /** Ends a wait that is wakeable, and a handshake. */
  wake(): void;
  /**
   * Hands out the socket for TLS to take over, in the same turn of the loop, with what was read of it and not taken: that is the
   * handshake's, if anybody's, and never heard as if TLS had protected it (CVE-2011-0411).
   */
  detach(): Socket;
  attach(socket: Socket): void;
  /** Says what is left to say and closes. */
  close(): void;
  /** Closes at once. */
  destroy(): void;
  readonly closed: Promise<void>;
}

/** Octets read ahead before reading stops: room for a burst of pipelined commands. */
const AHEAD = 64 * 1024;
/** Octets of replies that may wait for a client which does not read them. */
const BEHIND = 64 * 1024;
/** Milliseconds a client has to take in the last reply. */
const LINGER = 2000;

export function openWire(first: Socket): Wire {
  const input = openInput();
  let socket = first;
  let out = "";
  let dead = false;
  let finished = false;
  let news = false;
  let wakeable = false;
  let attached = false;
  let waiter: ((how: Awaited) => void) | undefined;
  const patience = deadline(() => tell("timeout"), () => waiter !== undefined);
  const { promise: closed, resolve: onClosed } = Promise.withResolvers<void>();

  function tell(how: Awaited): void {
    const waiting = waiter;
    waiter = undefined;
    waiting?.(how);
  }

  const listeners = {
    data(chunk: Buffer): void {
      input.push(chunk);
      if (input.size >= AHEAD) socket.pause();
      news = true;
      tell("input");
    },
    drain: () => tell("input"),
    // Who has said everything may still want the answers.
    end(): void {
      finished = true;
      tell("end");
    },
    error: gone,
  };

  function gone(): void {
    dead = true;
    tell("end");
  }

  function attach(next: Socket): void {
    socket = next;
    attached = true;
    // TLS takes it from the socket under it, where `detach` has ended it.
    next.allowHalfOpen = true;
    for (const [event, listener] of Object.entries(listeners)) socket.on(event, listener);
    // Stays while TLS takes over: a handshake that fails closes the socket, and nobody else would say so.
    next.once("close", () => {
      if (socket !== next) return;
      gone();
      patience.end();
      onClosed();
    });
  }

  function flush(): void {
    if (out === "" || dead) return;
    socket.write(out, "latin1");
    out = "";
  }

  function wait(milliseconds: number): Promise<Awaited> {
    patience.set(milliseconds);
    return new Promise((resolve) => (waiter = resolve));
  }

  /** Who has ended may still read, and have said more before: both count once the replies are gone. */
  async function afterReplies(milliseconds: number, mayWake: boolean): Promise<Awaited> {
    let left = milliseconds;
    while (!dead && socket.writableLength > BEHIND) {
      const since = performance.now();
      const how = await wait(left);
      if (how === "timeout") return how;
      left -= performance.now() - since;
    }
    return somethingNew(left, mayWake);
  }

  /** Not async: a wait for each command and mail. */
  function somethingNew(milliseconds: number, mayWake: boolean): Promise<Awaited> {
    if (news) {
      news = false;
      return Promise.resolve("input");
    }
    if (dead || finished) return Promise.resolve("end");
    if (socket.isPaused()) socket.resume();
    wakeable = mayWake;
    patience.set(milliseconds);
    return new Promise((resolve) => {
      waiter = (how) => {
        wakeable = false;
        if (how === "input") news = false;
        resolve(how);
      };
    });
  }

  attach(first);
  return {
    input,
    get dead() {
      return dead;
    },
    write: (text) => void (out += text),
    flush,
    more(milliseconds, mayWake = false) {
      flush();
      return socket.writableLength > BEHIND ? afterReplies(milliseconds, mayWake) : somethingNew(milliseconds, mayWake);
    },
    wake() {
      if (!attached) socket.destroy();
      else if (wakeable) tell("stop");
    },
    detach() {
      flush();
      attached = false;
      // Who ends the connection in the handshake has nothing to hear.
      socket.allowHalfOpen = false;
      for (const [event, listener] of Object.entries(listeners)) socket.off(event, listener);
      news = false;
      socket.pause();
      for (const chunk of input.drain().toReversed()) socket.unshift(chunk);
      return socket;
    },
    attach,
    close() {
      flush();
      dead = true;
      input.drain();
      // What still comes is read and dropped: left unread, it would have the system throw away our last words.
      socket.removeAllListeners("data").resume().end();
      const timer = setTimeout(() => socket.destroy(), LINGER);
      socket.once("close", () => clearTimeout(timer));
    },
    destroy() {
      dead = true;
      socket.destroy();
    },
    closed,
  };
}
