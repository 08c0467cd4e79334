/**
 * Everything in a ledger that says what was done, read with plain SQL; without marks and registrations, which say
 * nothing of effects.
 */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const TABLES = [
  'record',
  'manifest',
  'intent',
  'effect_mark',
  'question',
  'repair',
  'generation',
  'once',
  'perform',
  'claim',
] as const;

export function dumpLedger(workspace: string): unknown {
  const database = new DatabaseSync(join(workspace, '.holdfast/ledger.sqlite'), { readOnly: true });
  try {
    const tables = TABLES.map((table) => [
      table,
      database
        .prepare(`SELECT * FROM ${table}`)
        .all()
        .map((row) => ({ ...row })),
    ]);
    return {
      ...Object.fromEntries(tables),
      job: database
        .prepare('SELECT job_id, run_id, term, seq, head, state FROM job')
        .all()
        .map((row) => ({ ...row })),
    };
  } finally {
    database.close();
  }
}
