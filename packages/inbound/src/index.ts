export type { BlockListOptions, Resolve4 } from "./block-lists.ts";
export { blockLists } from "./block-lists.ts";
export type { GreylistOptions, GreylistStore } from "./greylist.ts";
export { greylist, memoryGreylist } from "./greylist.ts";
export type { NullMxOptions, ResolveMx } from "./null-mx.ts";
export { nullMx } from "./null-mx.ts";
export type { SenderVerdict, VerifySenderOptions } from "./verify-sender.ts";
export { verifySender } from "./verify-sender.ts";
