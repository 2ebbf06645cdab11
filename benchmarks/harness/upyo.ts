import { registerHooks } from "node:module";
import type { Message } from "@upyo/core";

/** Parts of @upyo/smtp that it does not export, as its users' mails go through them. */
interface Internals {
  readonly convertMessage: (message: Message) => Promise<Converted>;
  readonly SmtpConnection: new (config: UpyoConfig) => Connection;
}

/** A mail as Upyo's connection takes it. */
export interface Converted {
  readonly envelope: { readonly from: string; readonly to: readonly string[] };
  readonly raw: string;
}

interface UpyoConfig {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
}

interface Connection {
  connect(): Promise<void>;
  greeting(): Promise<unknown>;
  ehlo(): Promise<void>;
  /** Throws where the server did not take it. */
  sendMessage(message: Converted): Promise<string>;
  quit(): Promise<void>;
}

/** Loads @upyo/smtp with two more exports. What it does stays as it is. */
export async function upyoInternals(): Promise<Internals> {
  // The query makes it another module than the one everybody gets.
  const url = `${import.meta.resolve("@upyo/smtp")}?internals`;
  const hooks = registerHooks({
    load(asked, context, next) {
      const loaded = next(asked, context);
      if (asked !== url) return loaded;
      const source = typeof loaded.source === "string" ? loaded.source : new TextDecoder().decode(loaded.source ?? undefined);
      return { ...loaded, source: `${source}\nexport { convertMessage, SmtpConnection };\n` };
    },
  });
  const module: unknown = await import(url);
  hooks.deregister();
  if (!isInternals(module)) throw new Error("@upyo/smtp is not built as it was: look for its composer and connection");
  return module;
}

function isInternals(module: unknown): module is Internals {
  return typeof module === "object" && module !== null && "convertMessage" in module && "SmtpConnection" in module;
}
