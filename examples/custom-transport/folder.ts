// A transport of one's own: every mail becomes a file. It passes the conformance suite, see folder.test.ts.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Transport } from "@postroad/core";
import { receipt, transport } from "@postroad/core";

export function folder(path: string): Transport {
  return transport(`folder:${path}`, async (mail) => {
    await writeFile(join(path, `${encodeURIComponent(mail.id)}.eml`), mail.content.open());
    return receipt(mail, { kind: "accepted", status: "2.0.0", by: "folder" });
  });
}
