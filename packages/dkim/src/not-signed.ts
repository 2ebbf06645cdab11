/**
 * The status of what is not sent since it cannot be signed or sealed: other security status (RFC 3463 §3.8, X.7.0). The
 * fault is on this side, and X.7.5, cryptographic failure, would blame the transport: that is how one without TLS says
 * so. X.7.7 is of a message that was altered on its way.
 */
export const NOT_SIGNED = "4.7.0";
