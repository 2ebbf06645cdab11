/** Mapped to nothing (RFC 3454 table B.1). */
const UNSEEN = /\u00ad|\u034f|\u1806|[\u180b-\u180d]|[\u200b-\u200d]|\u2060|[\ufe00-\ufe0f]|\ufeff/g;

/** RFC 4013 §2.1, §2.2: other spaces become a space, what cannot be seen goes, the rest is composed. */
export function saslPrep(text: string): string {
  return text.replace(/\p{Zs}/gu, " ").replace(UNSEEN, "").normalize("NFKC");
}
