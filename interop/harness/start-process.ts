// Starts a server, says so, and leaves it to whoever comes after: start-process.ts <server> <Exim's program>
import { startDnssec } from "./dnssec.ts";
import { startDovecot } from "./dovecot.ts";
import { startExim } from "./exim.ts";
import { startPostfix } from "./postfix.ts";

const [name = "", program = ""] = process.argv.slice(2);
const STARTS: Readonly<Record<string, () => Promise<unknown>>> = {
  postfix: () => startPostfix(),
  dovecot: () => startDovecot(),
  exim: () => startExim({ program }),
  // And Unbound, in the same folder.
  knot: () => startDnssec({ records: [] }),
};
await STARTS[name]?.();
process.send?.("started");
process.on("disconnect", () => process.exit());
