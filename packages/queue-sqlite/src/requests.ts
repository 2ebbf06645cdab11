import type { ClaimRequest, ListRequest, Selection } from "@postroad/queue";
import type { Requests } from "./messages.ts";
import { badRequest } from "./refusals.ts";
import { stateOf, text, time, whole } from "./rows.ts";

const MOST_LISTED = 1000;

/** Checks what is asked before it goes to the thread, and fills in what was left out. */
export function claimRequest({ now, limit, urgent = 0, perLane, lanes, ttl, aged, late, suspects }: ClaimRequest): Requests["claim"] {
  return {
    now: time("now", now),
    limit: atLeast("limit", whole("limit", limit), 0),
    urgent: atLeast("urgent", whole("urgent", urgent), 0),
    perLane: laneLimit("perLane", perLane),
    lanes: new Map([...(lanes ?? [])].map(([lane, most]) => [lane, laneLimit(`lanes, ${lane}`, most)])),
    ttl: atLeast("ttl", time("ttl", ttl), 1),
    aged: aged === undefined ? null : time("aged", aged),
    late: late === undefined ? null : time("late", late),
    suspects: suspects === true,
  };
}

/** Infinity stands for no limit. */
function laneLimit(name: string, limit: number): number {
  return limit === Number.POSITIVE_INFINITY ? Number.MAX_SAFE_INTEGER : atLeast(name, whole(name, limit), 0);
}

function atLeast(name: string, value: number, least: number): number {
  if (value >= least) return value;
  throw badRequest(`${name} must be at least ${least}, not ${value}`);
}

export function listRequest({ after, limit = 100, ...selection }: ListRequest): Requests["list"] {
  if (whole("limit", limit) < 1 || limit > MOST_LISTED) {
    throw badRequest(`limit must be from 1 to ${MOST_LISTED}, not ${limit}`);
  }
  return { ...checked(selection), limit, ...(after !== undefined && { after: text("after", after) }) };
}

export function changeRequest(selection: Selection, what: Requests["change"]["what"], now: number): Omit<Requests["change"], "after"> {
  if (Object.values(selection).every((part) => part === undefined)) {
    throw badRequest(`${what}: the selection is empty; give a key, mail, lane or state`);
  }
  return { selection: checked(selection), what, now: time("now", now) };
}

function checked({ key, mail, lane, state }: Selection): Selection {
  return {
    ...(key !== undefined && { key: text("key", key) }),
    ...(mail !== undefined && { mail: text("mail", mail) }),
    ...(lane !== undefined && { lane: text("lane", lane) }),
    ...(state !== undefined && { state: stateOf(state) }),
  };
}
