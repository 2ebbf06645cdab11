import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Receipt } from "@postroad/core";
import { createMessage } from "@postroad/message";
import { smtp } from "@postroad/smtp";
import { createMessage as createUpyoMessage } from "@upyo/core";
import { SmtpTransport } from "@upyo/smtp";
import { createTransport } from "nodemailer";
import pRetry from "p-retry";

/** Sends one mail the way its users would, with up to two retries; gives what the sender was told at the end. */
export interface Sender {
  readonly name: string;
  send(port: number): Promise<string>;
}

const MAIL = { from: "shop@shop.example", to: "ann@example.net", subject: "Your order", text: "Thanks!" };
const RETRIES = { retries: 2, minTimeout: 0, maxTimeout: 0 };

class NotSent extends Error {}

/** Postroad under p-retry: what is deferred goes again, and `again` says whether what is uncertain does too. */
function postroad(name: string, again: (receipt: Receipt) => boolean): Sender {
  return {
    name,
    async send(port) {
      await using transport = smtp({ host: "127.0.0.1", port, security: "none" });
      const message = createMessage(MAIL);
      let receipt = await transport.send(message);
      const attempt = async (number: number): Promise<void> => {
        if (number > 1) receipt = await transport.send(message);
        if (again(receipt)) throw new NotSent();
      };
      await pRetry(attempt, RETRIES).catch((error: unknown) => {
        if (!(error instanceof NotSent)) throw error;
      });
      const [outcome] = receipt.outcomes;
      if (outcome?.kind !== "deferred") return outcome?.kind ?? "nothing";
      return `deferred ${outcome.status}${outcome.uncertain === true ? ", uncertain" : ""}`;
    },
  };
}

const nodemailer: Sender = {
  name: `nodemailer ${versionOf("nodemailer")}, pool, p-retry`,
  async send(port) {
    const transport = createTransport({ pool: true, host: "127.0.0.1", port, secure: false, ignoreTLS: true });
    try {
      const info = await pRetry(() => transport.sendMail(MAIL), RETRIES);
      return `accepted (${info.response})`;
    } catch (error) {
      return error instanceof Error ? `error${codesOf(error)}` : String(error);
    } finally {
      transport.close();
    }
  },
};

const upyo: Sender = {
  name: `@upyo/smtp ${versionOf("@upyo/smtp")}, p-retry while retryable`,
  async send(port) {
    const transport = new SmtpTransport({ host: "127.0.0.1", port, secure: false, connectionTimeout: 5000, socketTimeout: 5000 });
    const { text, ...rest } = MAIL;
    const message = createUpyoMessage({ ...rest, content: { text } });
    let told = "";
    const attempt = async (): Promise<void> => {
      const receipt = await transport.send(message);
      told = receipt.successful ? "successful" : `failed: ${receipt.errorMessages.join(", ")}`;
      if (!receipt.successful) throw new NotSent();
    };
    await pRetry(attempt, RETRIES).catch((error: unknown) => {
      if (!(error instanceof NotSent)) throw error;
    });
    await transport.closeAllConnections();
    return told;
  },
};

export const SENDERS: readonly Sender[] = [
  postroad("postroad, p-retry unless uncertain", ({ outcomes }) => outcomes.some((o) => o.kind === "deferred" && o.uncertain !== true)),
  postroad("postroad, p-retry on every deferral", ({ outcomes }) => outcomes.some((o) => o.kind === "deferred")),
  nodemailer,
  upyo,
];

function codesOf(error: Error): string {
  const code = "code" in error ? error.code : "";
  const command = "command" in error ? error.command : "";
  return ` ${String(code)} in ${String(command)}: ${error.message}`;
}

function versionOf(name: string): string {
  const entry = createRequire(import.meta.url).resolve(name);
  const folder = entry.slice(0, entry.lastIndexOf(`/node_modules/${name}/`) + `/node_modules/${name}/`.length);
  const { version }: { version: string } = JSON.parse(readFileSync(`${folder}package.json`, "utf8"));
  return version;
}
