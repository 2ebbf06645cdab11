// Runs verify() where mailauth cannot be found, and says what it throws.
import { contentOf } from "@postroad/core";
import { registerHooks } from "node:module";

registerHooks({
  resolve(specifier, context, next) {
    return next(specifier.startsWith("mailauth") ? specifier.replace("mailauth", "mailauth-that-is-not-there") : specifier, context);
  },
});
const { verify } = await import("../src/index.ts");
console.log(await verify({ content: contentOf(new Uint8Array(0)) }).then(() => "nothing", (error: unknown) => error instanceof Error && error.message));
