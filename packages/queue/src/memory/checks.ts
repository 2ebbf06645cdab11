import { Refusal } from "@postroad/core";
import type { ClaimRequest, Entry } from "../store.ts";

/** Refuses numbers that are no times, before anything is changed by them. */
export function checkTimes(times: Readonly<Record<string, number | undefined>>): void {
  for (const [name, time] of Object.entries(times)) {
    if (time === undefined || Number.isFinite(time)) continue;
    throw new Refusal("4.3.0", `${name} must be a time in milliseconds since 1970, not ${time}`);
  }
}

export function checkEntry({ createdAt, dueAt, agesFrom, expiresAt }: Entry): void {
  checkTimes({ createdAt, dueAt, agesFrom, expiresAt });
}

export function checkClaim({ now, ttl, aged, late }: ClaimRequest): void {
  checkTimes({ now, ttl, aged, late });
}
