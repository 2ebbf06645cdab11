// Every name that this package writes, for whoever reads spans and metrics.

/** Attributes of OpenTelemetry's semantic conventions 1.45, stable. */
export const ERROR_TYPE = "error.type";
export const SERVER_ADDRESS = "server.address";
export const SERVER_PORT = "server.port";
export const NETWORK_TRANSPORT = "network.transport";
export const NETWORK_PROTOCOL_NAME = "network.protocol.name";

/** Attributes and metrics of semantic conventions 1.45, in development. */
export const MESSAGING_SYSTEM = "messaging.system.name";
export const MESSAGING_OPERATION_TYPE = "messaging.operation.type";
export const MESSAGING_OPERATION_NAME = "messaging.operation.name";
export const MESSAGING_DESTINATION = "messaging.destination.name";
export const MESSAGING_MESSAGE_ID = "messaging.message.id";
export const MESSAGING_ENVELOPE_SIZE = "messaging.message.envelope.size";
export const MESSAGING_SENT = "messaging.client.sent.messages";
export const MESSAGING_CONSUMED = "messaging.client.consumed.messages";
export const MESSAGING_OPERATION_DURATION = "messaging.client.operation.duration";
export const MESSAGING_PROCESS_DURATION = "messaging.process.duration";

/** Ours: there is no convention for mail yet. */
export const MAIL_ID = "postroad.mail.id";
/** Name of the transport: on spans the one that is wrapped, on outcomes the one that answered. */
export const TRANSPORT = "postroad.transport";
export const RECIPIENTS = "postroad.recipients.count";
export const ACCEPTED = "postroad.recipients.accepted";
export const DEFERRED = "postroad.recipients.deferred";
export const REJECTED = "postroad.recipients.rejected";
export const UNCERTAIN = "postroad.recipients.uncertain";
/** `accepted`, `deferred`, `uncertain` or `rejected`; on durations also `mixed`. */
export const OUTCOME = "postroad.outcome";
/** The subject of the enhanced status code (RFC 3463 §3): `address`, `mailbox`, `system` … */
export const STATUS_CATEGORY = "postroad.status.category";
export const REPLY_CODE = "smtp.response.status_code";
export const ENHANCED_STATUS = "smtp.response.enhanced_status_code";
/** Only where asked for by name. */
export const SENDER_ADDRESS = "postroad.sender";
export const RECIPIENT_ADDRESSES = "postroad.recipients";
export const SUBJECT = "postroad.subject";
export const MESSAGES = "postroad.messages";

/** Metrics of ours. */
export const OUTCOMES = "postroad.outcomes";
export const SEND_DURATION = "postroad.send.duration";
export const RETRIES = "postroad.retries";
export const POOL_CONNECTIONS = "postroad.pool.connections";
/** `idle`, `used` or `connecting`. */
export const POOL_STATE = "postroad.pool.state";
export const POOL_WAITING = "postroad.pool.waiting";
export const QUEUE_DEPTH = "postroad.queue.depth";
/** `due`, `waiting`, `leased`, `held` or `dead`. */
export const QUEUE_STATE = "postroad.queue.state";
export const QUEUE_AGE = "postroad.queue.age";
export const QUEUE_BYTES = "postroad.queue.bytes";
export const LANE_DEPTH = "postroad.queue.lane.depth";
export const LANE_AGE = "postroad.queue.lane.age";
export const LANE = "postroad.queue.lane";

/** The name of the instrumentation scope. */
export const SCOPE = "@postroad/otel";
