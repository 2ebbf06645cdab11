import { ConfigError } from "@postroad/core";

/** What other libraries call it, and what it is called here. */
const HERE: Readonly<Record<string, string>> = {
  secure: 'security: "tls"',
  requiretls: 'security: "starttls"',
  ignoretls: 'security: "none"',
  opportunistictls: 'security: "opportunistic"',
  rejectunauthorized: "tls.ca, or insecureAcceptAnyCertificate",
  servername: "tls.servername",
  user: "auth: { user, pass }",
  username: "auth: { user, pass }",
  pass: "auth: { user, pass }",
  password: "auth: { user, pass }",
  token: "auth: { user, token }",
  service: 'smtp("gmail", { auth })',
  maxconnections: "pool: { connections }",
  poolsize: "pool: { connections }",
  maxmessages: "pool: { messages }",
  localname: "name",
  connectiontimeout: "timeouts: { connect }",
  greetingtimeout: "timeouts: { greeting }",
  sockettimeout: "timeouts",
  timeout: "deadline",
};

/** Refuses names that users of other libraries bring along, none of which looks like ours. Shows no value. */
export function checkForeignNames(subject: string, given: object): void {
  const issues = Object.keys(given).flatMap((path) => {
    const key = path.toLowerCase();
    return Object.hasOwn(HERE, key) ? [{ path, message: `is not an option; did you mean ${HERE[key]}?` }] : [];
  });
  if (issues.length > 0) throw new ConfigError(subject, issues);
}
