import { constants } from "node:os";
import { describe, expect, it } from "vitest";
import { diskRefusal } from "../src/failure.ts";

describe("failures of the disk", () => {
  it.each([
    ["ENOSPC", constants.errno.ENOSPC, "4.3.1"],
    ["EDQUOT", constants.errno.EDQUOT, "4.2.2"],
    ["EFBIG", constants.errno.EFBIG, "4.2.2"],
    ["EIO", constants.errno.EIO, "4.3.0"],
  ])("#52: %s says whether everybody lacks room or one user", (code, number, status) => {
    // Node has no name for EDQUOT.
    const named = code === "EDQUOT" ? "Unknown system error -122" : code;
    const refusal = diskRefusal(Object.assign(new Error(code), { code: named, errno: -number }), "write");
    expect(refusal).toMatchObject({ status, options: { code, phase: "write" } });
  });
});
