/** Text goes out as UTF-8. */
export type Piece = string | Buffer;

/** Up to this size pieces are copied together: one buffer costs less than a vector of them. */
const JOIN = 64 * 1024;

/** Pieces as few buffers: one where they are small. */
export function joined(pieces: readonly Piece[]): readonly Piece[] {
  if (pieces.length < 2) return pieces;
  let size = 0;
  for (const piece of pieces) size += typeof piece === "string" ? Buffer.byteLength(piece) : piece.byteLength;
  if (size > JOIN) return pieces;
  const out = Buffer.allocUnsafe(size);
  let at = 0;
  for (const piece of pieces) at += typeof piece === "string" ? out.write(piece, at) : piece.copy(out, at);
  return [out];
}
