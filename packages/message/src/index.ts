export { parseAddresses } from "./address.ts";
export type { EncodedText } from "./body.ts";
export { encodeText } from "./body.ts";
export { createMessage, edit } from "./create.ts";
export type {
  AddressInput,
  AddressList,
  AlternativeInput,
  AttachmentInput,
  ByteSource,
  CalendarInput,
  Changes,
  CreateOptions,
  Draft,
  DsnInput,
  EnvelopeInput,
  GroupInput,
  HeadersInput,
  ListInput,
  ListLink,
  UnsubscribeInput,
} from "./draft.ts";
export type { MessageIssue } from "./errors.ts";
export { MessageError } from "./errors.ts";
export type { FileOptions, FileSource } from "./file.ts";
export { file } from "./file.ts";
export { formatAddress } from "./header-address.ts";
export type { HeaderLimits, RawField, RawHeader, RawMailOptions, Repairs, Span } from "./raw.ts";
export { fieldValue, rawMail, readHeader } from "./raw.ts";
