export type { TlsFacts } from "./peer/connection.ts";
export type { Ending } from "./peer/inbox.ts";
export type { Script } from "./peer/script.ts";
export type { ScriptedPeer, ScriptedPeerOptions } from "./peer/scripted.ts";
export { scriptedPeer } from "./peer/scripted.ts";
export type { Expectation, Gate, PeerMessage, PeerSession } from "./peer/stage.ts";
export { ConversationError } from "./peer/transcript.ts";
