/** Text goes out as UTF-8. */
export type Piece = string | Buffer;

/** Up to this size pieces are copied together: one buffer costs less than a vector of them. */
const JOIN = 64 * 1024;

/** Pieces as few buffers: one where they are small. Text that stands together is written together. */
export function joined(pieces: readonly Piece[]): readonly Piece[] {
  if (pieces.length < 2) return pieces;
  const merged = withTextMerged(pieces);
  const sizes = merged.map((piece) => (typeof piece === "string" ? Buffer.byteLength(piece) : piece.byteLength));
  const size = sizes.reduce((sum, one) => sum + one, 0);
  if (merged.length < 2 || size > JOIN) return merged;
  const out = Buffer.allocUnsafe(size);
  let at = 0;
  for (const piece of merged) at += typeof piece === "string" ? out.write(piece, at) : piece.copy(out, at);
  return [out];
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
