import type { Mail, Recipient } from "@postroad/core";
import { domainToASCII } from "node:url";

/** Names the destination of a recipient: what has the same lane shares limits, back-off and parking. */
export type LaneOf = (recipient: Recipient, mail: Mail) => string;

/** The recipient's domain, in lower case and with A-labels (RFC 5890 §2.3.2.1). */
export const laneByDomain: LaneOf = ({ address }) => {
  const domain = address.slice(address.lastIndexOf("@") + 1);
  if (/^[a-z0-9.-]+$/.test(domain)) return domain;
  return domainToASCII(domain) || domain.toLowerCase();
};
