/** Text goes out as UTF-8. */
export type Piece = string | Buffer;

/** Up to this size pieces are copied together: one buffer costs less than a vector of them. */
const JOIN = 64 * 1024;
/** Buffers for that are cut from larger ones, each of which costs as much to get as a mail to send. */
const SLAB = 4 * JOIN;
let slab = Buffer.alloc(0);
let used = 0;

/** Pieces as few buffers: one where they are small. Text that stands together is written together. */
export function joined(pieces: readonly Piece[]): readonly Piece[] {
  if (pieces.length < 2) return pieces;
  const merged = withTextMerged(pieces);
  let most = 0;
  for (const piece of merged) most += typeof piece === "string" ? piece.length * MOST_OCTETS : piece.byteLength;
  return merged.length < 2 || most > JOIN ? merged : [together(merged, most)];
}

/** Of UTF-8, for one unit of a string. */
const MOST_OCTETS = 3;

function together(pieces: readonly Piece[], most: number): Buffer {
  if (used + most > slab.byteLength) {
    slab = Buffer.allocUnsafeSlow(SLAB);
    used = 0;
  }
  const start = used;
  for (const piece of pieces) used += typeof piece === "string" ? slab.write(piece, used) : piece.copy(slab, used);
  return slab.subarray(start, used);
}

function withTextMerged(pieces: readonly Piece[]): readonly Piece[] {
  const merged: Piece[] = [];
  let text = "";
  for (const piece of pieces) {
    if (typeof piece === "string") {
      text += piece;
      continue;
    }
    if (text !== "") merged.push(text);
    merged.push(piece);
    text = "";
  }
  if (text !== "") merged.push(text);
  return merged;
}
