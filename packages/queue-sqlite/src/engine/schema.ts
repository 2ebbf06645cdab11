/** "Post" in ASCII: tells our files from other SQLite databases. */
export const APPLICATION_ID = 0x506f7374;

/** What an entry is doing; the number is what the database holds. */
export const WAITING = 0;
export const DUE = 1;
export const LEASED = 2;
export const HELD = 3;
export const DEAD = 4;

/** The level of entries that have grown too old: above every priority, since somebody has to give them up. */
export const OVERDUE = 10;
/** The lowest priority (RFC 6710). */
export const LOWEST = -9;
/** Leases that ran out before an entry may be what its workers died of. */
export const SUSPECT = 2;
/** The level of what may be what its workers died of: below every priority, since only who asks for one gets it. */
export const SUSPECTS = -10;

/** The level by priority alone. A priority that there is not is damaged, and to be found by a claim. */
export const ORDINARY = "max(-9, min(9, priority))";

/** `level` of an entry that is not overdue: two leases that ran out make it a suspect. */
export const LEVEL: string = `CASE WHEN lapses >= ${SUSPECT} THEN ${SUSPECTS} ELSE ${ORDINARY} END`;

/** A lane's counts, in the order of the phases. */
const columns = ["waiting", "due", "leased", "held", "dead"];

/**
 * Every step from one version of the schema to the next; `user_version` counts those taken.
 *
 * Times are in milliseconds since 1970, but for `ages_from`, and `due_at` of what was tried: these are kept without the
 * shifts in `clock`, so that moving all of them takes one write. `lanes` and `turns` are counted by triggers alone,
 * `totals` by each transaction at its end.
 */
export const migrations: readonly string[] = [
  `
CREATE TABLE clock (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  seen INTEGER,                 -- the last claim's time, to within a minute
  ages INTEGER NOT NULL,        -- to be added to ages_from
  dues INTEGER NOT NULL         -- to be added to due_at of what was tried
) STRICT;
INSERT INTO clock VALUES (1, NULL, 0, 0);

CREATE TABLE totals (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  entries INTEGER NOT NULL,
  bytes INTEGER NOT NULL
) STRICT;
INSERT INTO totals VALUES (1, 0, 0);

CREATE TABLE contents (
  id INTEGER PRIMARY KEY,
  refs INTEGER NOT NULL,        -- entries that share it
  size INTEGER NOT NULL,
  crc INTEGER NOT NULL,
  file TEXT                     -- where the bytes are not in bodies
) STRICT;
CREATE INDEX contents_by_file ON contents(file) WHERE file IS NOT NULL;
CREATE TABLE bodies (content INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;

CREATE TABLE lanes (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  waiting INTEGER NOT NULL DEFAULT 0,
  due INTEGER NOT NULL DEFAULT 0,
  leased INTEGER NOT NULL DEFAULT 0,
  held INTEGER NOT NULL DEFAULT 0,
  dead INTEGER NOT NULL DEFAULT 0,
  parked_until INTEGER,
  probing INTEGER NOT NULL DEFAULT 0    -- parked_until has passed: one entry at a time
) STRICT;
CREATE INDEX lanes_parked ON lanes(parked_until) WHERE parked_until IS NOT NULL AND probing = 0;

CREATE TABLE turns (
  lane INTEGER NOT NULL,
  level INTEGER NOT NULL,
  parked INTEGER NOT NULL,
  turn INTEGER NOT NULL,        -- the lowest is next
  fresh INTEGER NOT NULL,       -- entries due that were never tried
  tried INTEGER NOT NULL,       -- entries due that were
  next INTEGER NOT NULL DEFAULT 0,      -- whose turn it is within the lane: 0 fresh, 1 tried
  PRIMARY KEY (lane, level)
) STRICT, WITHOUT ROWID;
CREATE INDEX turns_in_order ON turns(level, turn) WHERE parked = 0;

CREATE TABLE entries (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  mail TEXT NOT NULL,
  content INTEGER NOT NULL,
  lane INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  level INTEGER NOT NULL,       -- the priority, 10 once it is overdue, or -10 while it is a suspect
  phase INTEGER NOT NULL,       -- 0 waiting, 1 due, 2 leased, 3 held, 4 dead
  tried INTEGER NOT NULL,       -- attempts > 0
  ends INTEGER NOT NULL,        -- phase < 3, and somebody is still to be delivered to: it can be too late for it
  delayed INTEGER NOT NULL,     -- the sender was told that it is late
  created_at INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  ages_from INTEGER NOT NULL,
  expires_at INTEGER,
  series TEXT,
  attempts INTEGER NOT NULL,
  lapses INTEGER NOT NULL,
  token TEXT,
  lease_until INTEGER,
  superseded INTEGER NOT NULL DEFAULT 0,
  note TEXT,
  rest TEXT NOT NULL,
  crc INTEGER                   -- of key, mail and rest; NULL: not to be looked at
) STRICT;
-- What is leased is by far the most written to, and few: it is in no index but its own.
CREATE INDEX entries_leased ON entries(lease_until) WHERE phase = 2;
CREATE INDEX entries_waiting ON entries(priority, tried, due_at, lane) WHERE phase = 0;
CREATE INDEX entries_waiting_by_lane ON entries(priority, tried, lane, due_at) WHERE phase = 0;
CREATE INDEX entries_due ON entries(lane, level, tried, due_at) WHERE phase = 1;
CREATE INDEX entries_aging ON entries(delayed, ages_from) WHERE phase <> 2 AND ends = 1 AND level < ${OVERDUE};
CREATE INDEX entries_expiring ON entries(expires_at) WHERE phase <> 2 AND ends = 1 AND expires_at IS NOT NULL;
CREATE INDEX suspects_aging ON entries(ages_from) WHERE phase <> 2 AND ends = 1 AND level = ${SUSPECTS};
CREATE INDEX suspects_expiring ON entries(expires_at)
  WHERE phase <> 2 AND ends = 1 AND level = ${SUSPECTS} AND expires_at IS NOT NULL;
CREATE INDEX entries_oldest_of_lane ON entries(lane, created_at) WHERE phase < 2;
CREATE INDEX entries_of_lane ON entries(lane, key) WHERE phase <> 2;
CREATE INDEX entries_of_mail ON entries(mail, key) WHERE phase <> 2;
CREATE INDEX entries_put_by ON entries(phase, key) WHERE phase > 2;
CREATE INDEX entries_series ON entries(series) WHERE series IS NOT NULL;

CREATE TABLE finished (key TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX finished_until ON finished(until);

CREATE TRIGGER entry_came AFTER INSERT ON entries BEGIN
  UPDATE lanes SET ${counted("+", "new")} WHERE id = new.lane;
END;
CREATE TRIGGER entry_went AFTER DELETE ON entries BEGIN
  UPDATE lanes SET ${counted("-", "old")} WHERE id = old.lane;
END;
CREATE TRIGGER entry_moved AFTER UPDATE OF phase ON entries WHEN old.phase <> new.phase BEGIN
  UPDATE lanes SET ${moved()} WHERE id = new.lane;
END;

CREATE TRIGGER due_came AFTER INSERT ON entries WHEN new.phase = 1 BEGIN ${takesTurns()} END;
CREATE TRIGGER due_went AFTER DELETE ON entries WHEN old.phase = 1 BEGIN ${leavesTurns()} END;
CREATE TRIGGER due_left AFTER UPDATE OF phase, level, tried ON entries
  WHEN old.phase = 1 AND (new.phase <> 1 OR ${elsewhere()}) BEGIN ${leavesTurns()} END;
CREATE TRIGGER due_joined AFTER UPDATE OF phase, level, tried ON entries
  WHEN new.phase = 1 AND (old.phase <> 1 OR ${elsewhere()}) BEGIN ${takesTurns()} END;
`,
];

function counted(sign: "+" | "-", row: "new" | "old"): string {
  return columns.map((column, phase) => `${column} = ${column} ${sign} (${row}.phase = ${phase})`).join(", ");
}

function moved(): string {
  return columns
    .map((column, phase) => `${column} = ${column} - (old.phase = ${phase}) + (new.phase = ${phase})`)
    .join(", ");
}

function elsewhere(): string {
  return "old.level <> new.level OR old.tried <> new.tried";
}

/** A lane that has something due again takes its turn behind all others of its level. */
function takesTurns(): string {
  return `
  INSERT INTO turns (lane, level, parked, turn, fresh, tried) VALUES (
    new.lane, new.level,
    new.level < ${OVERDUE} AND (SELECT parked_until IS NOT NULL AND probing = 0 FROM lanes WHERE id = new.lane),
    coalesce((SELECT turn FROM turns WHERE parked = 0 AND level = new.level ORDER BY turn DESC LIMIT 1), 0) + 1,
    1 - new.tried, new.tried)
  ON CONFLICT (lane, level) DO UPDATE SET fresh = fresh + excluded.fresh, tried = tried + excluded.tried;`;
}

function leavesTurns(): string {
  return `
  UPDATE turns SET fresh = fresh - (1 - old.tried), tried = tried - old.tried WHERE lane = old.lane AND level = old.level;
  DELETE FROM turns WHERE lane = old.lane AND level = old.level AND fresh + tried = 0;`;
}
