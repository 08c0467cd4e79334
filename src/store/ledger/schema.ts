/**
 * The ledger's tables. Every statement that creates one is repeatable; the version is checked, never trusted. Small
 * rows that are found by their key alone have no rowid: each write then touches one tree, not two. Rows of the manifest
 * are long: in one tree with their keys they would stand seven to a page, also in the pages above the leaves, and each
 * new one would split some (10 pages a step, where it is 6 now). A ledger of version 0.1 keeps its table, which reads
 * and is written alike.
 *
 * What a column means is said by the module of its table (`claim`: claims.ts).
 */
export const LEDGER_SCHEMA_VERSION = 1;

export const LEDGER_TABLES = `
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

-- run_id and term fence leftovers; mark_ordinal and fresh_* say when the world was last compared, and for
-- which workers.
CREATE TABLE IF NOT EXISTS job (
  job_id TEXT PRIMARY KEY, workflow_id TEXT NOT NULL, run_id TEXT NOT NULL, term INTEGER NOT NULL,
  seq INTEGER NOT NULL, head TEXT NOT NULL, state TEXT NOT NULL,
  mark_ordinal INTEGER NOT NULL, fresh_boot_id TEXT NOT NULL, fresh_boot_ms INTEGER NOT NULL,
  settings TEXT NOT NULL) STRICT;

CREATE TABLE IF NOT EXISTS worker (
  worker_id TEXT PRIMARY KEY, ordinal INTEGER NOT NULL, identity TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS claim (
  token TEXT PRIMARY KEY, job_id TEXT NOT NULL, step_id TEXT NOT NULL, generation INTEGER NOT NULL, args TEXT NOT NULL,
  nonce TEXT NOT NULL, worker_id TEXT NOT NULL, state TEXT NOT NULL, ordinal INTEGER NOT NULL,
  attempts INTEGER NOT NULL, failures INTEGER NOT NULL, dropped INTEGER NOT NULL, draft INTEGER NOT NULL,
  rejection TEXT) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS once (
  token TEXT NOT NULL, draft INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, reads TEXT NOT NULL,
  PRIMARY KEY (token, draft, name)) STRICT;

-- Calls (calls.ts). answers, wanted: digests of request and reads.
CREATE TABLE IF NOT EXISTS perform (
  token TEXT NOT NULL, name TEXT NOT NULL, job_id TEXT NOT NULL, step_id TEXT NOT NULL, generation INTEGER NOT NULL,
  state TEXT NOT NULL, key TEXT NOT NULL, round INTEGER NOT NULL, in_doubt TEXT NOT NULL,
  request TEXT NOT NULL, request_digest TEXT NOT NULL, answers TEXT, answer TEXT, known TEXT,
  called_in INTEGER NOT NULL, nonce TEXT NOT NULL, note TEXT, at TEXT NOT NULL, wanted TEXT,
  PRIMARY KEY (token, name)) STRICT;
CREATE INDEX IF NOT EXISTS perform_step ON perform (job_id, step_id, name, generation);

-- prepared: what the transactions read back before they were committed.
CREATE TABLE IF NOT EXISTS intent (
  token TEXT PRIMARY KEY, job_id TEXT NOT NULL, digest TEXT NOT NULL, body TEXT NOT NULL, state TEXT NOT NULL,
  approval INTEGER NOT NULL, details TEXT NOT NULL, prepared TEXT) STRICT;
CREATE INDEX IF NOT EXISTS intent_open ON intent (job_id) WHERE state IN ('sealed', 'applying');

CREATE TABLE IF NOT EXISTS content (digest TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT;

CREATE TABLE IF NOT EXISTS effect_mark (
  token TEXT NOT NULL, effect INTEGER NOT NULL, outcome TEXT NOT NULL, after TEXT NOT NULL,
  PRIMARY KEY (token, effect)) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS record (
  job_id TEXT NOT NULL, seq INTEGER NOT NULL, kind TEXT NOT NULL, token TEXT, step_id TEXT, generation INTEGER,
  run_id TEXT NOT NULL, body TEXT NOT NULL, head TEXT NOT NULL, PRIMARY KEY (job_id, seq)) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS record_token ON record (token) WHERE kind = 'step';
CREATE INDEX IF NOT EXISTS record_approves ON record (job_id, body ->> '$.approves') WHERE kind = 'decision';
CREATE UNIQUE INDEX IF NOT EXISTS record_undone ON record (token) WHERE kind = 'undone';
CREATE UNIQUE INDEX IF NOT EXISTS record_checkpoint ON record (job_id, token) WHERE kind = 'checkpoint';

CREATE TABLE IF NOT EXISTS manifest (
  job_id TEXT NOT NULL, resource TEXT NOT NULL, digest TEXT NOT NULL, entry TEXT NOT NULL,
  PRIMARY KEY (job_id, resource)) STRICT;

-- cells: the manifest's entries by their digests (entry-digests.ts).
CREATE TABLE IF NOT EXISTS checked (
  job_id TEXT PRIMARY KEY, rules INTEGER NOT NULL, file_id TEXT NOT NULL, boot_id TEXT NOT NULL, run_id TEXT NOT NULL,
  seq INTEGER NOT NULL, head TEXT NOT NULL, size_bytes INTEGER NOT NULL, manifest TEXT NOT NULL,
  cells BLOB NOT NULL) STRICT;

CREATE TABLE IF NOT EXISTS question (
  digest TEXT PRIMARY KEY, job_id TEXT NOT NULL, kind TEXT NOT NULL, token TEXT, identity TEXT NOT NULL,
  body TEXT NOT NULL, state TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS question_open ON question (job_id) WHERE state = 'open';

CREATE TABLE IF NOT EXISTS repair (
  question TEXT PRIMARY KEY, job_id TEXT NOT NULL, body TEXT NOT NULL, state TEXT NOT NULL) STRICT;

CREATE TABLE IF NOT EXISTS undo_ruling (
  token TEXT NOT NULL, resource TEXT NOT NULL, job_id TEXT NOT NULL, answer TEXT NOT NULL, found TEXT,
  by TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (token, resource)) STRICT;

CREATE TABLE IF NOT EXISTS generation (
  job_id TEXT NOT NULL, step_id TEXT NOT NULL, highest INTEGER NOT NULL,
  PRIMARY KEY (job_id, step_id)) STRICT, WITHOUT ROWID;
`;
