import { Refusal } from "@postroad/core";
import { dirname, join } from "node:path";
import { mailboxPath, partsOf } from "./address.ts";
import type { Lookup } from "./lookup.ts";
import { exists } from "./place.ts";

/** Whoever has a directory below the root has a mailbox. A domain without one is our mistake, or a disk not mounted. */
export function existing(root: string): Lookup {
  return async (address) => {
    const { local, domain } = partsOf(address);
    const [base = local] = local.split("+", 1);
    for (const name of base === "" ? [local] : [local, base]) {
      const mailbox = mailboxPath(`${name}@${domain}`);
      if (await exists(join(root, mailbox))) return { mailbox };
    }
    const parent = dirname(mailboxPath(address));
    if (await exists(join(root, parent))) return undefined;
    throw new Refusal("4.3.5", `there is no directory for mail of ${parent}`, {
      phase: "lookup",
      advice: "Make the directory, or mount its disk; or leave mail for this domain to another transport.",
    });
  };
}
