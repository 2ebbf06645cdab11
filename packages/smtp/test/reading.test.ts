import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as after } from "node:timers/promises";
import { expect, it } from "vitest";
import { openChannel } from "../src/channel.ts";
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

it("C7 C33: a chunk that was answered while its last octets went out leaves no timer behind, which would end the idle connection", async () => {
  const server = createServer((peer) => {
    peer.on("error", () => undefined).on("data", () => undefined).write("250 ok\r\n");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const channel = openChannel(connectPlain({ host: "127.0.0.1", port: portOf(server) }), "peer", () => undefined);
  await channel.reply("body", 10_000);
  channel.extend(20);
  await after(100);
  expect(channel.reason).toBeUndefined();
  // Where a reply is due, the same wait does end it.
  const late = channel.reply("body", 10_000);
  channel.extend(20);
  await expect(late).rejects.toMatchObject({ status: "4.4.2" });
  server.close();
});
