/** How often a command was understood and accepted in a session, and how often it was given. */
export interface CommandCount {
  readonly accepted: number;
  readonly given: number;
}

/** By lower-case verb; `commands` is all together. */
export type Session = ReadonlyMap<string, CommandCount>;

/** The sessions of one client address that have ended, as Postfix sums them up: `mail=2 rcpt=1/2 bdat=1/2`. */
export function sessionsIn(log: string, client: string): readonly Session[] {
  const ends = [...log.matchAll(/ disconnect from \S*\[([^\]]+)\] (.*)$/gm)];
  return ends.filter(([, address]) => address === client).map(([, , counts = ""]) => sessionOf(counts));
}

function sessionOf(counts: string): Session {
  const entries = counts.split(" ").map((pair): [string, CommandCount] => {
    const [, verb = "", accepted = "", given = accepted] = /^(\w+)=(\d+)(?:\/(\d+))?$/.exec(pair) ?? [];
    return [verb, { accepted: Number(accepted), given: Number(given) }];
  });
  return new Map(entries);
}

/** The id of the process that has greeted a client address last. */
export function serverIn(log: string, client: string): number | undefined {
  const greetings = [...log.matchAll(/\/smtpd\[(\d+)\]: connect from \S*\[([^\]]+)\]$/gm)];
  const last = greetings.findLast(([, , address]) => address === client);
  return last === undefined ? undefined : Number(last[1]);
}

/** The queue ids that the queue manager has taken up and not finished with. */
export function unfinishedIn(log: string): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const [, begun, finished] of log.matchAll(/\/qmgr\[\d+\]: (?:(\w+): from=|(\w+): removed$)/gm)) {
    if (begun !== undefined) ids.add(begun);
    else ids.delete(finished ?? "");
  }
  return ids;
}
