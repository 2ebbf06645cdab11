import type { Check } from "../check.ts";
import { addingChecks } from "./adding.ts";
import type { StoreSuite } from "./bench.ts";
import { claimingChecks } from "./claiming.ts";
import { clockChecks } from "./clock.ts";
import { contentChecks } from "./contents.ts";
import { leaseChecks } from "./leases.ts";
import { parkingChecks } from "./parking.ts";
import { peopleChecks } from "./people.ts";
import { processChecks } from "./processes.ts";
import { reopeningChecks } from "./reopening.ts";
import { suspectChecks } from "./suspects.ts";

/** The rules that every store keeps. */
export const storeChecks: readonly Check<StoreSuite>[] = [
  ...addingChecks,
  ...claimingChecks,
  ...leaseChecks,
  ...suspectChecks,
  ...parkingChecks,
  ...clockChecks,
  ...peopleChecks,
  ...contentChecks,
  ...reopeningChecks,
  ...processChecks,
];
