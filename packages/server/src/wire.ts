import type { Socket } from "node:net";
import { deadline } from "./deadline.ts";
import type { Input } from "./input.ts";
import { openInput } from "./input.ts";

/** Why nothing comes: the client is gone, its time is up, or the server stops. */
export interface Silence {
  readonly silence: "end" | "timeout" | "stop";
}

/** Takes from the input what is wanted of it; undefined until that has come. */
export type Wanted<T> = (input: Input) => T | undefined;

/** One connection's bytes: what the client says is taken when it is wanted, what is said to it leaves in few writes. */
export interface Wire {
  readonly input: Input;
  /** The client has gone, or was sent away: nothing can be said any more. */
  readonly dead: boolean;
  /** Milliseconds for which the client was waited for, in all. */
  readonly waited: number;
  /** Printable ASCII, which leaves with the next flush. */
  write(text: string): void;
  flush(): void;
  /**
   * What is wanted, where it is there already; else a promise of it, within so many milliseconds, and all that was written leaves.
   * Whoever does not read is not listened to.
   */
  next<T>(wanted: Wanted<T>, patience: number, wakeable?: boolean): T | Promise<T | Silence>;
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

const END: Silence = { silence: "end" };
const TIMEOUT: Silence = { silence: "timeout" };
const STOP: Silence = { silence: "stop" };

/** Who waits for the client. */
interface Waiter {
  /** Is what it waits for in the input? Then it has it now. */
  look(): boolean;
  end(how: Silence): void;
  readonly wakeable: boolean;
}

export function openWire(first: Socket): Wire {
  const input = openInput();
  let socket = first;
  let out = "";
  let dead = false;
  let finished = false;
  let attached = false;
  let waiter: Waiter | undefined;
  let since = 0;
  let waited = 0;
  const patience = deadline(() => giveUp(TIMEOUT), () => waiter !== undefined);
  const { promise: closed, resolve: onClosed } = Promise.withResolvers<void>();

  function over(): void {
    waiter = undefined;
    waited += performance.now() - since;
  }

  function giveUp(how: Silence): void {
    const waiting = waiter;
    over();
    waiting?.end(how);
  }

  /** Who has ended may still read, and have said more before: both count once the replies are gone. */
  function look(): void {
    if (waiter === undefined || (!dead && socket.writableLength > BEHIND)) return;
    if (waiter.look()) over();
    else if (dead || finished) giveUp(END);
    else if (socket.isPaused()) socket.resume();
  }

  const listeners = {
    data(chunk: Buffer): void {
      input.push(chunk);
      if (input.size >= AHEAD) socket.pause();
      look();
    },
    drain: look,
    // Who has said everything may still want the answers.
    end(): void {
      finished = true;
      look();
    },
    error: gone,
  };

  function gone(): void {
    dead = true;
    look();
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

  function wait<T>(wanted: Wanted<T>, milliseconds: number, wakeable: boolean): Promise<T | Silence> {
    since = performance.now();
    patience.set(milliseconds, since);
    return new Promise((resolve) => {
      waiter = {
        look() {
          const got = wanted(input);
          if (got !== undefined) resolve(got);
          return got !== undefined;
        },
        end: resolve,
        wakeable,
      };
      look();
    });
  }

  attach(first);
  return {
    input,
    get dead() {
      return dead;
    },
    get waited() {
      return waited;
    },
    write: (text) => void (out += text),
    flush,
    next(wanted, milliseconds, wakeable = false) {
      const there = wanted(input);
      if (there !== undefined) return there;
      flush();
      return wait(wanted, milliseconds, wakeable);
    },
    wake() {
      if (!attached) socket.destroy();
      else if (waiter?.wakeable === true) giveUp(STOP);
    },
    detach() {
      flush();
      attached = false;
      // Who ends the connection in the handshake has nothing to hear.
      socket.allowHalfOpen = false;
      for (const [event, listener] of Object.entries(listeners)) socket.off(event, listener);
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
