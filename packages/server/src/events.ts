import type { Receipt } from "@postroad/core";
import type { Session } from "./types.ts";

/** What happens, for logs and metrics. Texts of clients have their control characters escaped and their length capped. */
export type ServerEvent =
  | { readonly kind: "opened"; readonly session: Session }
  | { readonly kind: "closed"; readonly session: Session; readonly reason: string }
  /** A login was tried. `user` is undefined where it did not get far enough to say. */
  | { readonly kind: "login"; readonly session: Session; readonly mechanism: string; readonly user: string | undefined; readonly accepted: boolean }
  /** A command was answered with 4xx or 5xx, or a client turned away that has too many connections. `command` is `""` for what is none. */
  | { readonly kind: "refused"; readonly session: Session; readonly command: string; readonly reply: string }
  /** The transport has settled, and the client been told so. `bounced` of them are reported to the sender by mail. */
  | { readonly kind: "mail"; readonly session: Session; readonly id: string; readonly size: number; readonly receipt: Receipt; readonly reply: string }
  /** Something of ours failed: a hook that threw, a disk that is full. The client heard 4xx. */
  | { readonly kind: "error"; readonly session: Session; readonly doing: string; readonly error: unknown };

/** Where events go. What it throws is dropped: a log must not stop the mail. */
export type OnEvent = (event: ServerEvent) => void;

/** Where nobody wants to know. */
export const nobody: OnEvent = () => undefined;

export function safely(onEvent: OnEvent | undefined): OnEvent {
  if (onEvent === undefined) return nobody;
  return (event) => {
    try {
      onEvent(event);
    } catch (error) {
      process.emitWarning(`onEvent threw: ${error instanceof Error ? error.message : typeof error}`, "PostroadWarning");
    }
  };
}
