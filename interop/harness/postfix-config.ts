import { execFile } from "node:child_process";
import { mkdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { DEFERRED, NOBODY, RECIPIENT_LIMIT } from "./mailbox.ts";

const run = promisify(execFile);

/** The ports of 127.0.0.1 it listens on. */
export interface PostfixPorts {
  /** For anybody: PIPELINING, CHUNKING, STARTTLS. */
  readonly relay: number;
  /** The same without CHUNKING. */
  readonly data: number;
  /** One command at a time: neither PIPELINING nor CHUNKING. */
  readonly lockStep: number;
  /** Closes a connection that says nothing for a second. */
  readonly impatient: number;
  /** Implicit TLS, as on port 465; with logins where somebody answers for them. */
  readonly submissions: number;
  /** The same with STARTTLS, as on port 587. */
  readonly submission: number;
}

export interface PostfixConfig {
  readonly folder: string;
  readonly ports: PostfixPorts;
  /** Certificate chain and key, PEM. */
  readonly chain: string;
  /** Addresses with a mailbox, and the folder of each within `mail`. */
  readonly mailboxes: ReadonlyMap<string, string>;
  /** Dovecot's socket to ask about logins; without it nobody has to log in. */
  readonly authSocket: string | undefined;
  /** PEM: the authority it trusts as a client. */
  readonly trusted: string | undefined;
  /** Parameters of main.cf that go before those of the tests. */
  readonly settings: Readonly<Record<string, string>>;
}

/** Octets of the largest message it takes. */
export const SIZE_LIMIT: number = 4 * 1024 * 1024;

/** Writes main.cf and master.cf, and makes the folders that a package makes for its own instance. */
export async function configurePostfix(config: PostfixConfig): Promise<void> {
  const inside = (...names: readonly string[]): string => join(config.folder, ...names);
  const queues = ["active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace"];
  await mkdir(inside("etc"));
  await run("install", ["-d", inside("queue"), inside("queue", "pid")]);
  await run("install", ["-d", "-o", "postfix", "-m", "700", inside("data"), ...queues.map((name) => inside("queue", name))]);
  await run("install", ["-d", "-o", "postfix", "-g", "postdrop", "-m", "730", inside("queue", "maildrop")]);
  await run("install", ["-d", "-o", "postfix", "-g", "postdrop", "-m", "710", inside("queue", "public")]);
  await run("install", ["-d", "-o", "nobody", inside("mail")]);
  await writeFile(inside("etc", "tls.pem"), config.chain, { mode: 0o600 });
  await writeFile(inside("etc", "trusted.pem"), config.trusted ?? "");
  await writeFile(inside("etc", "master.cf"), masterCf(config));
  const boxes = Array.from(config.mailboxes, ([address, box]) => `${address} ${box}/\n`);
  await writeLongAgo(inside("etc", "mailboxes"), boxes.join(""));
  await writeLongAgo(inside("etc", "main.cf"), mainCf(config));
}

/** Postfix waits for two seconds and more with a file that has just changed, lest it is not all there yet. */
async function writeLongAgo(path: string, text: string): Promise<void> {
  await writeFile(path, text);
  await utimes(path, 0, 0);
}

function mainCf({ folder, authSocket, trusted, settings }: PostfixConfig): string {
  return lines({
    compatibility_level: "3.6",
    queue_directory: `${folder}/queue`,
    data_directory: `${folder}/data`,
    command_directory: "/usr/sbin",
    daemon_directory: "/usr/lib/postfix/sbin",
    mail_owner: "postfix",
    setgid_group: "postdrop",
    maillog_file: `${folder}/log`,
    maillog_file_prefixes: folder,
    myhostname: "mx.example.test",
    inet_interfaces: "127.0.0.1",
    mynetworks: "127.0.0.0/8",
    mydestination: "",
    alias_maps: "",
    alias_database: "",
    // Nothing asks the network, and nothing leaves the machine.
    smtpd_peername_lookup: "no",
    default_transport: "discard",
    // What arrives is what was sent.
    local_header_rewrite_clients: "",
    virtual_mailbox_domains: "example.test",
    virtual_mailbox_base: `${folder}/mail`,
    virtual_mailbox_maps: `texthash:${folder}/etc/mailboxes`,
    virtual_uid_maps: `static:${NOBODY}`,
    virtual_gid_maps: `static:${NOBODY}`,
    message_size_limit: String(SIZE_LIMIT),
    smtpd_recipient_limit: String(RECIPIENT_LIMIT),
    smtpd_relay_restrictions: "",
    smtpd_recipient_restrictions: `check_recipient_access inline:{ { ${DEFERRED} = 451 4.3.0 try again later } }, permit_sasl_authenticated, reject_unauth_destination`,
    smtpd_client_connection_count_limit: "0",
    // It punishes errors by waiting; they count all the same.
    smtpd_error_sleep_time: "0",
    smtpd_tls_security_level: "may",
    smtpd_tls_chain_files: `${folder}/etc/tls.pem`,
    smtpd_tls_loglevel: "1",
    smtpd_tls_received_header: "yes",
    ...(authSocket !== undefined && { smtpd_sasl_type: "dovecot", smtpd_sasl_path: authSocket }),
    smtp_tls_loglevel: "1",
    ...(trusted !== undefined && { smtp_tls_CAfile: `${folder}/etc/trusted.pem` }),
    ...settings,
  });
}

function masterCf({ ports, authSocket }: PostfixConfig): string {
  const mustLogIn = "smtpd_client_restrictions=permit_sasl_authenticated,reject";
  const login = authSocket === undefined ? [] : ["smtpd_sasl_auth_enable=yes", "smtpd_tls_auth_only=yes", mustLogIn];
  const services = [
    listen(ports.relay),
    listen(ports.data, "smtpd_discard_ehlo_keywords=chunking"),
    listen(ports.lockStep, "smtpd_discard_ehlo_keywords=chunking,pipelining"),
    listen(ports.impatient, "smtpd_timeout=1s"),
    listen(ports.submissions, "smtpd_tls_wrappermode=yes", ...login),
    listen(ports.submission, "smtpd_tls_security_level=encrypt", ...login),
    // Takes nothing in: postqueue looks whether it is there.
    "pickup unix n - n 60 1 pickup",
    "cleanup unix n - n - 0 cleanup",
    "qmgr unix n - n 300 1 qmgr",
    "tlsmgr unix - - n 1000? 1 tlsmgr",
    "rewrite unix - - n - - trivial-rewrite",
    "bounce unix - - n - 0 bounce",
    "defer unix - - n - 0 bounce",
    "trace unix - - n - 0 bounce",
    "proxymap unix - - n - - proxymap",
    "error unix - - n - - error",
    "retry unix - - n - - error",
    "discard unix - - n - - discard",
    "smtp unix - - n - - smtp",
    "lmtp unix - - n - - lmtp",
    "showq unix n - n - - showq",
    "scache unix - - n - 1 scache",
    "virtual unix - n n - - virtual",
    "anvil unix - - n - 1 anvil",
    "postlog unix-dgram n - n - 1 postlogd",
  ];
  return `${services.join("\n")}\n`;
}

function listen(port: number, ...options: readonly string[]): string {
  return [`127.0.0.1:${port} inet n - n - - smtpd`, ...options.map((option) => `  -o ${option}`)].join("\n");
}

function lines(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`).join("");
}
