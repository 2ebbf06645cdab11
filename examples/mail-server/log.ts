import type { QueueEvent } from "postroad";
import type { ServerEvent } from "@postroad/server";

/** One line of JSON for an event: what a person looks for in a mail log. */
export function lineOf(event: QueueEvent | ServerEvent): string {
  const time = new Date().toISOString();
  // Errors have nothing that JSON shows.
  const error = "error" in event && { error: event.error instanceof Error ? event.error.message : String(event.error) };
  if (!("session" in event)) return JSON.stringify({ time, ...event, ...error });
  const { session, ...rest } = event;
  return JSON.stringify({ time, ...rest, ...error, session: session.id, client: session.client });
}
