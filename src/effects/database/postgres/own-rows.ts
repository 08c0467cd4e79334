/** Holdfast's own rows in a transaction on PostgreSQL. */
import { invariant } from '../../../model/invariant.ts';
import type { Entered, Entry, TakenToken } from '../database.ts';
import type { PostgresSession } from './session.ts';

/** The token is taken only where the fence was passed: the rows to insert come from the row that was updated. */
const ENTER = `
WITH passed AS (UPDATE holdfast_fence SET last_token = $1 WHERE job_id = $2 AND term = $3::bigint RETURNING 1),
     taken AS (INSERT INTO holdfast_token (token, job_id, intent, "rows") SELECT $1, $2, $4, $5 FROM passed
               ON CONFLICT (token) DO NOTHING RETURNING 1)
SELECT EXISTS (SELECT FROM passed), EXISTS (SELECT FROM taken), there.intent, there."rows",
       $6 = '' OR EXISTS (SELECT FROM holdfast_token WHERE token = $6)
FROM (VALUES (1)) AS one LEFT JOIN holdfast_token AS there ON there.token = $1`;

/** Checks the term and notes the token. */
export async function passFence(
  session: PostgresSession,
  { jobId, term, token }: Pick<Entry, 'jobId' | 'term' | 'token'>,
): Promise<boolean> {
  const text = 'UPDATE holdfast_fence SET last_token = $1 WHERE job_id = $2 AND term = $3';
  return (await session.run(text, [token, jobId, String(term)])).count === 1;
}

/** Passes the fence and takes the token, in one statement. */
export async function enter(session: PostgresSession, entry: Entry): Promise<Entered> {
  const { jobId, term, token, intent, rows = '', previous = '' } = entry;
  const found = await session.runPrepared(ENTER, [token, jobId, String(term), intent, rows, previous]);
  const [isPassed, isTaken, foundIntent, foundRows, isAsFar] = found.rows[0]!;
  if (isPassed !== true) return { outcome: 'other-term' };
  if (isAsFar !== true) return { outcome: 'lost' };
  if (isTaken === true) return { outcome: 'taken' };
  // One that this snapshot does not show has made the statement fail.
  invariant(typeof foundIntent === 'string', `the token ${token} is neither taken nor there`);
  return { outcome: 'there', state: { kind: 'token', intent: foundIntent, rows: String(foundRows) } };
}

/** Inserts the token row, or says what the one that is there holds. */
export async function takeToken(
  session: PostgresSession,
  { token, jobId, intent }: Pick<Entry, 'token' | 'jobId' | 'intent'>,
): Promise<TakenToken> {
  const { count } = await session.run(
    'INSERT INTO holdfast_token (token, job_id, intent) VALUES ($1, $2, $3) ON CONFLICT (token) DO NOTHING',
    [token, jobId, intent],
  );
  if (count === 1) return { outcome: 'taken' };
  const { rows } = await session.run('SELECT intent, "rows" FROM holdfast_token WHERE token = $1', [token]);
  return { outcome: 'there', state: { kind: 'token', intent: String(rows[0]![0]), rows: String(rows[0]![1]) } };
}

/** False: the token row is not there. */
export async function noteRows(session: PostgresSession, token: string, rows: string): Promise<boolean> {
  const text = 'UPDATE holdfast_token SET "rows" = $1 WHERE token = $2';
  return (await session.runPrepared(text, [rows, token])).count === 1;
}
