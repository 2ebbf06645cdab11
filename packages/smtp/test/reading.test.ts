import { once } from "node:events";
import { createServer } from "node:net";
import { expect, it } from "vitest";
import { connectPlain, onBytes } from "../src/reading.ts";
import { portOf, until } from "./support.ts";

it("a socket that reads into a shared buffer: what came early is handed over first, nothing is mixed up, and nothing comes after the stop", async () => {
  const server = createServer((peer) => {
    peer.write("220 early");
    peer.on("data", (said) => peer.write(said)).on("error", () => undefined);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const [one, other] = [0, 1].map(() => connectPlain({ host: "127.0.0.1", port: portOf(server) }));
  if (one === undefined || other === undefined) throw new Error("no sockets");
  await until(() => one.bytesRead > 0 && other.bytesRead > 0);

  const heard = { one: "", other: "" };
  const stop = onBytes(one, (bytes) => (heard.one += bytes.toString()));
  onBytes(other, (bytes) => (heard.other += bytes.toString()));
  one.resume().write(", late");
  other.resume();
  await until(() => heard.one === "220 early, late" && heard.other === "220 early");

  stop();
  one.write(" and unheard");
  await until(() => one.bytesRead > heard.one.length);
  expect(heard).toEqual({ one: "220 early, late", other: "220 early" });
  for (const socket of [one, other]) socket.destroy();
  server.close();
});
