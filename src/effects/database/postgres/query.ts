/**
 * A step's query, with a bound on what comes into memory.
 *
 * Invariant: of a query that returns more rows than it may, one row more is read and no other: a cursor stops there.
 */
import { firstKeyword } from '../statement-text.ts';
import type { PostgresRows, PostgresSession } from './session.ts';
import { settleAll } from './rows.ts';

const CURSOR = 'holdfast_rows';
/** Statements that a cursor can be declared for; what else reads (SHOW, EXPLAIN) returns little. */
const CURSORABLE: ReadonlySet<string> = new Set(['SELECT', 'WITH', 'VALUES', 'TABLE', '']);

/** `parameters` are encoded already. Without `maxRows`: all rows. Call it inside a transaction. */
export async function runPostgresQuery(
  session: PostgresSession,
  text: string,
  parameters: readonly (string | Buffer | null)[],
  maxRows: number | undefined,
): Promise<PostgresRows> {
  if (maxRows === undefined || !CURSORABLE.has(firstKeyword(text))) return await session.run(text, parameters);
  const declared = `DECLARE ${CURSOR} NO SCROLL CURSOR FOR ${text}`;
  const [, , found] = await settleAll([
    // All of the rows are wanted, as a rule: without this the planner would aim at the first tenth.
    session.fixed('SET LOCAL cursor_tuple_fraction = 1').then(() => undefined),
    session.run(declared, parameters, { shown: text }).then(() => undefined),
    session.run(`FETCH FORWARD ${maxRows + 1} FROM ${CURSOR}`, [], { shown: text }),
    session.fixed(`CLOSE ${CURSOR}`).then(() => undefined),
  ]);
  return found!;
}

/** The same in a transaction that writes: the server itself refuses to write within the savepoint. */
export async function queryReadOnly(
  session: PostgresSession,
  text: string,
  parameters: readonly (string | Buffer | null)[],
  maxRows: number | undefined,
): Promise<PostgresRows> {
  const [, found] = await settleAll<unknown>([
    session.fixed('SAVEPOINT holdfast_query; SET LOCAL transaction_read_only = on'),
    runPostgresQuery(session, text, parameters, maxRows),
    session.fixed('ROLLBACK TO SAVEPOINT holdfast_query; RELEASE SAVEPOINT holdfast_query'),
  ]);
  return found as PostgresRows;
}
