import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { NOBODY, RECIPIENT_LIMIT } from "./mailbox.ts";

const run = promisify(execFile);

/** The ports of 127.0.0.1 it listens on. */
export interface EximPorts {
  /** PIPELINING, CHUNKING, STARTTLS. */
  readonly relay: number;
  /** The same without CHUNKING. */
  readonly data: number;
  /** One command at a time: neither PIPELINING nor CHUNKING. */
  readonly lockStep: number;
  /** TLS from the first byte. */
  readonly submissions: number;
}

/** Where Exim sends what is for `next.test`. */
export interface NextHop {
  readonly port: number;
  /** PEM. Where it is given, mail goes by STARTTLS to who has a certificate of this authority for 127.0.0.1, or not at all. */
  readonly ca?: string;
  /** BDAT where it is offered. @default true */
  readonly chunking?: boolean;
}

export interface EximConfig {
  readonly program: string;
  readonly folder: string;
  readonly ports: EximPorts;
  /** Certificate chain and key, PEM. */
  readonly chain: string;
  /** Names of the mailboxes at `example.test`. */
  readonly mailboxes: readonly string[];
  readonly next: NextHop | undefined;
}

/** Writes its configuration, and makes the folders it works in. */
export async function configureExim(config: EximConfig): Promise<void> {
  const inside = (name: string): string => join(config.folder, name);
  await writeFile(inside("tls.pem"), config.chain, { mode: 0o600 });
  await writeFile(inside("ca.pem"), config.next?.ca ?? "");
  await writeFile(inside("mailboxes"), config.mailboxes.map((name) => `${name}: ${name}\n`).join(""));
  await writeFile(inside("exim.conf"), text(config));
  await Promise.all(["spool", "mail"].map((name) => mkdir(inside(name))));
  await Promise.all(["mainlog", "paniclog", "rejectlog"].map((name) => writeFile(inside(name), "")));
  const its = ["spool", "mail", "tls.pem", "mainlog", "paniclog", "rejectlog"].map(inside);
  await run("chown", [`${NOBODY}:${NOBODY}`, ...its]);
}

function text(config: EximConfig): string {
  return [main(config), acl(config), routers(config), transports(config), "begin retry", "* * F,1h,1h", ""].join("\n");
}

function main({ program, folder, ports }: EximConfig): string {
  const { relay, data, lockStep, submissions } = ports;
  return `
primary_hostname = exim.example.test
spool_directory = ${folder}/spool
log_file_path = ${folder}/%slog
log_selector = +pipelining +smtp_connection +tls_cipher
exim_path = ${program}
# It gives up root for good: deliveries are nobody's too.
deliver_drop_privilege = true
keep_environment = LD_PRELOAD : NSS_WRAPPER_PASSWD : NSS_WRAPPER_GROUP
add_environment = PATH=/usr/bin:/bin
local_interfaces = 127.0.0.1
daemon_smtp_ports = ${relay} : ${data} : ${lockStep} : ${submissions}
tls_on_connect_ports = ${submissions}
tls_advertise_hosts = *
tls_certificate = ${folder}/tls.pem
tls_privatekey = ${folder}/tls.pem
chunking_advertise_hosts = \${if or {{eq{$received_port}{${data}}}{eq{$received_port}{${lockStep}}}} {}{*}}
pipelining_advertise_hosts = \${if eq{$received_port}{${lockStep}} {}{*}}
# Nothing asks the network, and nothing leaves the machine.
host_lookup =
rfc1413_hosts =
# Many tests at once: nobody is turned away, and everything is delivered at once.
smtp_accept_max = 0
smtp_accept_queue_per_connection = 0
smtp_accept_max_per_connection = 0
recipients_max = ${RECIPIENT_LIMIT}
acl_smtp_rcpt = recipient
`;
}

function acl({ folder }: EximConfig): string {
  return `
begin acl
recipient:
  deny !domains = example.test
       message = 550 5.7.1 no relaying
  defer local_parts = deferred
        message = 451 4.3.0 try again later
  accept local_parts = lsearch;${folder}/mailboxes
  deny message = 550 5.1.1 there is no such mailbox
`;
}

function routers({ folder, next }: EximConfig): string {
  return `
begin routers
${next === undefined ? "" : NEXT_ROUTER}
mailbox:
  driver = accept
  domains = example.test
  local_parts = lsearch;${folder}/mailboxes
  transport = mailbox
`;
}

const NEXT_ROUTER = `
next:
  driver = manualroute
  domains = next.test
  route_list = * 127.0.0.1
  self = send
  transport = next`;

function transports({ folder, next }: EximConfig): string {
  return `
begin transports
mailbox:
  driver = appendfile
  maildir_format
  create_directory
  directory = ${folder}/mail/$local_part_data
${next === undefined ? "" : nextTransport(folder, next)}
`;
}

function nextTransport(folder: string, { port, ca, chunking = true }: NextHop): string {
  const tls = ca === undefined ? ["hosts_avoid_tls = *"] : ["hosts_require_tls = *", "tls_verify_hosts = *", `tls_verify_certificates = ${folder}/ca.pem`];
  const lines = ["driver = smtp", `port = ${port}`, "allow_localhost", ...tls, ...(chunking ? [] : ["hosts_try_chunking ="])];
  return `next:\n${lines.map((line) => `  ${line}\n`).join("")}`;
}
