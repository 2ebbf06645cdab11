import type { Mail } from "@postroad/core";
import { misconfigured } from "./several.ts";

/** Chooses one of the candidates, which are indexes, at least one, in order. `inFlight` counts sends by index. */
export type Strategy = (mail: Mail, candidates: readonly number[], inFlight: readonly number[]) => number;

/** Each in turn. Who is no candidate loses its turn and moves nobody else's. */
export function roundRobin(): Strategy {
  let turn = 0;
  return (_, candidates) => {
    const chosen = candidates.find((index) => index >= turn) ?? candidates[0] ?? 0;
    turn = chosen + 1;
    return chosen;
  };
}

/** The one with the fewest sends under way; in turn among equals. */
export function leastInFlight(): Strategy {
  const inTurn = roundRobin();
  return (mail, candidates, inFlight) => {
    const fewest = Math.min(...candidates.map((index) => inFlight[index] ?? 0));
    return inTurn(mail, candidates.filter((index) => inFlight[index] === fewest), inFlight);
  };
}

/**
 * In proportion to the weights, and as evenly mixed as they allow: each candidate gains its weight, the richest is
 * chosen and pays what all have gained.
 */
export function weighted(weights: readonly number[]): Strategy {
  const credit = weights.map(() => 0);
  return (_, candidates) => {
    let total = 0;
    let chosen = candidates[0] ?? 0;
    for (const index of candidates) {
      const weight = weights[index] ?? 0;
      total += weight;
      credit[index] = (credit[index] ?? 0) + weight;
      if ((credit[index] ?? 0) > (credit[chosen] ?? 0)) chosen = index;
    }
    credit[chosen] = (credit[chosen] ?? 0) - total;
    return chosen;
  };
}

/** Rendezvous hashing: a key keeps its transport as long as that is a candidate, whoever else comes and goes. */
export function sticky(key: (mail: Mail) => string): Strategy {
  return (mail, candidates) => {
    const text = keyOf(key, mail);
    let chosen = candidates[0] ?? 0;
    let best = -1;
    for (const index of candidates) {
      const score = hash(`${index} ${text}`);
      if (score > best) [chosen, best] = [index, score];
    }
    return chosen;
  };
}

function keyOf(key: (mail: Mail) => string, mail: Mail): string {
  try {
    return key(mail);
  } catch (cause) {
    throw misconfigured("the key of balance threw", cause);
  }
}

/** FNV-1a over UTF-16 code units with a final mix, 32 bits: even, fast, and the same in every process. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
