import { parentPort, workerData } from "node:worker_threads";
import type { Order, Report, Settings } from "../messages.ts";
import { keeperOf } from "./keeper.ts";

// The thread that works with the database, so that syncing holds up nobody's event loop.

const port = parentPort;
if (port === null) throw new Error("this module runs in a worker thread");
const keeper = keeperOf(settingsOf(workerData));
let polling: NodeJS.Timeout | undefined;

port.on("message", (order: Order) => {
  if (order.kind === "batch") runBatch(order);
  else if (order.kind === "watch") poll(order.interval);
  else close();
});

function runBatch({ operations }: Extract<Order, { kind: "batch" }>): void {
  const { answers, removed } = keeper.run(operations);
  const buffers = answers.flatMap((each) => {
    if (each.verb === "claim") return each.answer.contents.flatMap(({ body }) => bufferOf(body));
    return each.verb === "content" ? bufferOf(each.answer?.body) : [];
  });
  report({ kind: "batch", answers, removed }, buffers);
}

function bufferOf(body: object | undefined): readonly ArrayBuffer[] {
  if (body === undefined || !("data" in body) || !(body.data instanceof Uint8Array)) return [];
  const { buffer } = body.data;
  return buffer instanceof ArrayBuffer ? [buffer] : [];
}

function poll(interval: number): void {
  clearInterval(polling);
  if (interval === 0) return;
  polling = setInterval(() => {
    if (keeper.changed()) report({ kind: "changed" }, []);
  }, interval);
}

function close(): void {
  clearInterval(polling);
  keeper.close();
  port?.close();
}

function report(message: Report, buffers: readonly ArrayBuffer[]): void {
  port?.postMessage(message, buffers);
}

function settingsOf(data: unknown): Settings {
  if (isSettings(data)) return data;
  throw new Error("no settings were given");
}

function isSettings(data: unknown): data is Settings {
  return typeof data === "object" && data !== null && "path" in data && "folder" in data;
}
