/** 'dhow' in ASCII: marks the file as ours (`file store.db` shows it). */
export const APPLICATION_ID = 0x64686f77
export const FORMAT_VERSION = 1

/**
 * An exclusive lock keeps a second process out and needs no shared memory file. FULL: COMMIT returns once the
 * write-ahead log is on disk. The page cache is small: hot data lives in the API server's watch cache.
 */
export const PRAGMAS = `
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA auto_vacuum = INCREMENTAL;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA cache_size = -4096;
  PRAGMA temp_store = MEMORY;
  PRAGMA wal_autocheckpoint = 2000;
  PRAGMA journal_size_limit = 16777216;
  PRAGMA trusted_schema = OFF;
`

/**
 * - log: every change. `seq` is revision * 128 + place in its commit; `create_revision` 0 is a deletion;
 *   `previous` is the seq of the change it replaced (0: the key was absent).
 * - current: the keys that exist now, each with the seq of its newest change. Values are only in the log.
 * - marks: `compacted` is the oldest revision that can be read; the log up to `swept` holds nothing older.
 *
 * The newest revision is the greater of the log's last and `compacted`, so no row has to be written for it.
 */
export const SCHEMA = `
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${FORMAT_VERSION};
  CREATE TABLE log (
    seq INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    create_revision INTEGER NOT NULL,
    previous INTEGER NOT NULL,
    value BLOB
  ) STRICT;
  CREATE INDEX log_by_key ON log (key, seq, create_revision);
  CREATE TABLE current (
    key TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,
    create_revision INTEGER NOT NULL,
    expires_at INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX current_by_expiry ON current (expires_at) WHERE expires_at IS NOT NULL;
  CREATE TABLE marks (id INTEGER PRIMARY KEY CHECK (id = 0), compacted INTEGER NOT NULL, swept INTEGER NOT NULL) STRICT;
  INSERT INTO marks VALUES (0, 1, 0);
`

/** Where a column stands beside max(), SQLite takes it from the row that has the maximum. */
export const SQL = {
  marks: 'SELECT compacted, swept FROM marks',
  newestSeq: 'SELECT max(seq) FROM log',

  current: 'SELECT seq, create_revision FROM current WHERE key = ?',
  version: 'SELECT create_revision, value FROM log WHERE seq = ?',
  append: 'INSERT INTO log (seq, key, create_revision, previous, value) VALUES (?, ?, ?, ?, ?)',
  put: `INSERT INTO current (key, seq, create_revision, expires_at) VALUES (?, ?, ?, ?)
        ON CONFLICT (key) DO UPDATE
        SET seq = excluded.seq, create_revision = excluded.create_revision, expires_at = excluded.expires_at`,
  remove: 'DELETE FROM current WHERE key = ?',

  currentRange: `SELECT current.key, current.seq, current.create_revision, log.value
                 FROM current CROSS JOIN log ON log.seq = current.seq
                 WHERE current.key >= ? AND current.key < ? ORDER BY current.key`,
  countRange: 'SELECT count(*) FROM current WHERE key >= ? AND key < ?',
  oldKey: 'SELECT key, max(seq), create_revision FROM log INDEXED BY log_by_key WHERE key = ? AND seq <= ?',
  oldRange: `SELECT key, max(seq), create_revision FROM log INDEXED BY log_by_key
             WHERE key >= ? AND key < ? AND seq <= ? GROUP BY key ORDER BY key`,
  countOldRange: `SELECT count(*) FROM (
                    SELECT max(seq), create_revision FROM log INDEXED BY log_by_key
                    WHERE key >= ? AND key < ? AND seq <= ? GROUP BY key)
                  WHERE create_revision > 0`,
  logOfRange: `SELECT seq, key, create_revision, previous, value FROM log
               WHERE seq > ? AND seq <= ? AND +key >= ? AND +key < ? ORDER BY seq`,
  logOfKey: `SELECT seq, key, create_revision, previous, value FROM log
             WHERE seq > ? AND seq <= ? AND +key = ? ORDER BY seq`,

  nextExpiry: 'SELECT min(expires_at) FROM current WHERE expires_at IS NOT NULL',
  nextExpiryAfter: 'SELECT min(expires_at) FROM current WHERE expires_at > ?',
  due: 'SELECT key, seq FROM current WHERE expires_at <= ? ORDER BY expires_at LIMIT ?',

  setCompacted: 'UPDATE marks SET compacted = max(compacted, ?)',
  setSwept: 'UPDATE marks SET swept = ?',
  sweep: 'SELECT seq, create_revision, previous FROM log WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?',
  forget: 'DELETE FROM log WHERE seq = ?',
} as const

export type StatementName = keyof typeof SQL
