import type { Target } from "./server.ts";

/** A claim, what was seen of it, and whether it holds. */
export interface Proof {
  readonly what: string;
  readonly got: string;
  readonly holds: boolean;
}

export type Seen = Omit<Proof, "what">;

/** Octets by which an attack may raise a server's memory: far less than what it sends. */
const ROOM = 96 * 1024 * 1024;

/** What came of an attack, and of the server's memory meanwhile. */
export async function flat(what: string, target: Target, attack: () => Promise<Seen>): Promise<Proof> {
  const { rss } = await target.state("afresh");
  const { got, holds } = await attack();
  const { peak } = await target.state();
  return {
    what: `${what}; memory grows by less than ${mebibytes(ROOM)}`,
    got: `${got}; ${mebibytes(rss)} before, ${mebibytes(peak)} at the highest`,
    holds: holds && peak - rss < ROOM,
  };
}

export function mebibytes(octets: number): string {
  return `${Math.round(octets / 1024 / 1024)} MiB`;
}
