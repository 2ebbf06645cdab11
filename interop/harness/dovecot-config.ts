import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Somebody with a mailbox and a password. */
export interface User {
  readonly name: string;
  readonly password: string;
  /** Octets the mailbox holds. @default 100 MB */
  readonly quota?: number;
}

export interface DovecotConfig {
  readonly folder: string;
  readonly ports: { readonly lmtp: number; readonly imap: number; readonly pop3: number };
  readonly users: readonly User[];
  /** PEM. */
  readonly key: string;
  readonly cert: string;
  /** Signs access tokens, by HMAC-SHA-256. */
  readonly tokenKey: Buffer;
}

/** Writes dovecot.conf and what it refers to. */
export async function configureDovecot(config: DovecotConfig): Promise<void> {
  const inside = (...names: readonly string[]): string => join(config.folder, ...names);
  await mkdir(inside("state"));
  await run("install", ["-d", "-o", "nobody", inside("mail")]);
  // Where the validator looks for a key: the token's `azp` or "default", its algorithm, its `kid` or "default".
  await mkdir(inside("keys", "default", "HS256"), { recursive: true });
  await writeFile(inside("keys", "default", "HS256", "default"), config.tokenKey.toString("base64"));
  await writeFile(inside("key.pem"), config.key, { mode: 0o600 });
  await writeFile(inside("cert.pem"), config.cert);
  await writeFile(inside("users"), config.users.map(passwdLine).join(""));
  await writeFile(inside("oauth2.conf"), oauth2Conf(config.folder));
  await writeFile(inside("dovecot.conf"), dovecotConf(config));
}

/** user:password:uid:gid:gecos:home:shell:extra (passwd-file). */
function passwdLine({ name, password, quota }: User): string {
  const extra = quota === undefined ? "" : `userdb_quota_rule=*:bytes=${quota}`;
  return `${name}:{PLAIN}${password}::::::${extra}\n`;
}

function oauth2Conf(folder: string): string {
  return `introspection_mode = local
local_validation_key_dict = fs:posix:prefix=${folder}/keys/
username_attribute = sub
`;
}

function dovecotConf({ folder, ports }: DovecotConfig): string {
  return `base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = ${folder}/log
protocols = imap pop3 lmtp
listen = 127.0.0.1
first_valid_uid = 1
default_vsz_limit = 0
mail_location = maildir:~
mail_fsync = never
mail_plugins = quota
ssl = yes
ssl_cert = <${folder}/cert.pem
ssl_key = <${folder}/key.pem

auth_mechanisms = plain login cram-md5 scram-sha-256 oauthbearer xoauth2
auth_username_format = %Ln
auth_failure_delay = 0
disable_plaintext_auth = no
passdb {
  driver = oauth2
  mechanisms = oauthbearer xoauth2
  args = ${folder}/oauth2.conf
}
passdb {
  driver = passwd-file
  mechanisms = plain login cram-md5 scram-sha-256
  args = ${folder}/users
}
userdb {
  driver = passwd-file
  args = ${folder}/users
  default_fields = uid=nobody gid=nogroup home=${folder}/mail/%n
}

plugin {
  quota = count:User quota
  quota_vsizes = yes
  quota_rule = *:storage=100M
}
# Over quota is 452 and not 552.
quota_full_tempfail = yes

# No waiting for whoever has given a wrong password before.
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service auth {
  unix_listener postfix {
    mode = 0666
  }
}
service lmtp {
  inet_listener lmtp {
    port = ${ports.lmtp}
  }
  unix_listener lmtp {
    mode = 0666
  }
}
service imap-login {
  inet_listener imap {
    port = ${ports.imap}
  }
  inet_listener imaps {
    port = 0
  }
}
service pop3-login {
  inet_listener pop3 {
    port = ${ports.pop3}
  }
  inet_listener pop3s {
    port = 0
  }
}
`;
}
