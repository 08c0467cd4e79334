/** How long a database transaction of the protocol may take, in milliseconds. It runs under the workspace's lock. */

/** Waiting for a lock of the database. */
export const LOCK_TIMEOUT_MS = 5_000;
/** One statement. */
export const STATEMENT_TIMEOUT_MS = 60_000;
/** Between two statements. */
export const IDLE_TIMEOUT_MS = 60_000;
