/**
 * Our own statements on the catalog and on Holdfast's tables, prepared once a connection: planning what reads a table's
 * definition takes the server ten times as long as running it. Nothing that is read is kept: the server runs the
 * statement each time, and plans it anew itself where what it names has changed.
 *
 * Invariants
 * 1. A statement's name is the digest of its text: under one name no other statement is run, whoever prepared it.
 * 2. A pooler that gives a transaction another connection than the one that prepared it may lose a statement; that is
 *    met once, and from then on the pool's statements are sent unprepared.
 */
import type pg from 'pg';
import { sha256Hex } from '../../../model/digest.ts';
import { HoldfastError, isFailure } from '../../../model/failure.ts';

/** No such prepared statement; one of that name is there already; its columns are others than when it was prepared. */
const LOST: ReadonlySet<unknown> = new Set(['26000', '42P05', '0A000']);
/** The server cuts names at 63 bytes. */
const NAME_DIGITS = 32;

/** What is known of prepared statements on the connections of one pool. */
export class PreparedStatements {
  readonly #names = new Map<string, string>();
  #isGivenUp = false;

  /** Undefined: it is to be sent unprepared. */
  nameOf(text: string): string | undefined {
    if (this.#isGivenUp) return undefined;
    let name = this.#names.get(text);
    if (name === undefined) this.#names.set(text, (name = `holdfast_${sha256Hex(text).slice(0, NAME_DIGITS)}`));
    return name;
  }

  /** Is it the prepared statement that failed, and not what it does? From then on none is prepared. */
  isLost(error: unknown): boolean {
    if (!isFailure(error) || !LOST.has(error.details['sqlState'])) return false;
    this.#isGivenUp = true;
    return true;
  }
}

/** As one that is tried again. */
export function withoutPrepared(database: string, error: unknown): HoldfastError {
  return new HoldfastError(
    'busy',
    `Database ${database} has lost a prepared statement, as behind a pooler; it is sent unprepared from now on.`,
    { database },
    { cause: error },
  );
}

/** The driver no longer takes statements for prepared on this connection. */
export function forgetPrepared(client: pg.PoolClient): void {
  const { connection } = client as unknown as { readonly connection: { parsedStatements: Record<string, string> } };
  connection.parsedStatements = {};
}
