/** How many sends at once one destination seems to take, found out by trying. */
export interface Window {
  /** A whole number from `min` to `max`. */
  readonly width: number;
  /** What the sends that begin now belong to. */
  readonly round: number;
  /** A send of that round met congestion. Only the first of a round cuts: the others ran into the same wall. */
  cut(round: number): void;
  /** A send was answered, with so many under way. Counts where all places are taken: else nobody knows whether more would have passed. */
  grow(inside: number): void;
}

/** TCP halves (RFC 5681 §3.1). A milder cut keeps the mean nearer to what the destination takes. */
const DECREASE = 0.7;

/** One more after as many answers as it is wide; a cut to 7/10 at the first congestion of a round. */
export function congestionWindow({ min, max, initial }: { readonly min: number; readonly max: number; readonly initial: number }): Window {
  let size = initial;
  let round = 0;
  return {
    get width() {
      return Math.floor(size);
    },
    get round() {
      return round;
    },
    cut(of) {
      if (of !== round) return;
      round += 1;
      size = Math.max(min, size * DECREASE);
    },
    grow(inside) {
      const width = Math.floor(size);
      if (inside >= width) size = Math.min(max, size + 1 / width);
    },
  };
}
