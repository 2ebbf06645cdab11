import { createHmac, randomBytes } from "node:crypto";

/**
 * Which secrets were wrong lately. One that comes again from the same address for the same account is a device that was not told of a
 * new password, and no further guess.
 */
export type WrongSecrets = (client: string, account: string, secret: string) => Suspect;

/** One that is tried. */
export interface Suspect {
  /** It was found wrong a moment ago: to look again so soon is work for nothing. */
  readonly hopeless: boolean;
  /** It was looked at and found wrong. Gives whether that is news. */
  found(): boolean;
}

/** The oldest is forgotten first; it would count once more. */
const MAX_KNOWN = 10_000;
/** Milliseconds until one is looked at again: it may be the new password by then. */
const PAUSE = 10_000;

interface Known {
  readonly until: number;
  readonly lookedAt: number;
}

/** Each is known for `period` milliseconds from its first time on, by a hash under a key that only this process has. */
export function wrongSecrets(period: number, clock: () => number): WrongSecrets {
  const key = randomBytes(32);
  const known = new Map<string, Known>();

  function remember(name: string, until: number): void {
    known.delete(name);
    known.set(name, { until, lookedAt: clock() });
    const [oldest] = known.keys();
    if (known.size > MAX_KNOWN && oldest !== undefined) known.delete(oldest);
  }

  return (client, account, secret) => {
    // Neither of the first two holds a NUL.
    const name = createHmac("sha256", key).update(`${client}\0${account}\0${secret}`).digest("base64url");
    const before = known.get(name);
    const passed = before === undefined ? Infinity : clock() - before.lookedAt;
    return {
      hopeless: passed >= 0 && passed < PAUSE,
      found() {
        const isKnown = before !== undefined && before.until > clock();
        remember(name, isKnown ? before.until : clock() + period);
        return !isKnown;
      },
    };
  };
}
