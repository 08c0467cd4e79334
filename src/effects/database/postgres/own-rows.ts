/** Holdfast's own rows in a transaction on PostgreSQL. */
import type { Digest } from '../../../model/digest.ts';
import type { TokenState } from '../../../model/record/world.ts';
import type { PostgresSession } from './session.ts';

export type TakenToken = { readonly outcome: 'taken' } | { readonly outcome: 'there'; readonly state: TokenState };

/** Inserts the token row, or says what the one that is there holds. */
export async function takeToken(
  session: PostgresSession,
  { token, jobId, intent }: { readonly token: string; readonly jobId: string; readonly intent: Digest },
): Promise<TakenToken> {
  const { count } = await session.run(
    'INSERT INTO holdfast_token (token, job_id, intent) VALUES ($1, $2, $3) ON CONFLICT (token) DO NOTHING',
    [token, jobId, intent],
  );
  if (count === 1) return { outcome: 'taken' };
  const { rows } = await session.run('SELECT intent, "rows" FROM holdfast_token WHERE token = $1', [token]);
  return { outcome: 'there', state: { kind: 'token', intent: String(rows[0]![0]), rows: String(rows[0]![1]) } };
}
