/**
 * All rows of one job, for whoever takes a job's record out of a ledger; and which contents the ledger still needs.
 *
 * Invariants
 * 1. A job goes whole or not at all: one transaction.
 * 2. Whatever looks like a content's digest, anywhere in a row, counts as a reference: nothing that a row may name is
 *    taken for unneeded.
 */
import type { Digest } from '../../model/digest.ts';
import type { LedgerFile } from './file.ts';

const DIGESTS = /[0-9a-f]{64}/g;
/** Of a job's tokens. Before the claims and intents that know them. */
const BY_TOKEN = [
  'DELETE FROM once WHERE token IN (SELECT token FROM claim WHERE job_id = ?)',
  'DELETE FROM effect_mark WHERE token IN (SELECT token FROM intent WHERE job_id = ?)',
];
const BY_JOB = [
  'claim',
  'perform',
  'intent',
  'record',
  'manifest',
  'checked',
  'question',
  'repair',
  'undo_ruling',
  'generation',
  'job',
];
/** Tables with contents or with what nobody refers from. */
const WITHOUT_REFERENCES = new Set(['content', 'worker', 'meta']);

export class JobRows {
  readonly #file: LedgerFile;

  constructor(file: LedgerFile) {
    this.#file = file;
  }

  /** In a transaction. Safe to repeat. */
  remove(jobId: string): void {
    for (const statement of BY_TOKEN) this.#file.run(statement, jobId);
    for (const table of BY_JOB) this.#file.run(`DELETE FROM ${table} WHERE job_id = ?`, jobId);
  }

  /** Every digest that a row names. Read it to the end: a statement is open meanwhile. */
  *namedDigests(): Generator<Digest> {
    for (const { name } of this.#file.all("SELECT name FROM sqlite_schema WHERE type = 'table'")) {
      if (typeof name !== 'string' || WITHOUT_REFERENCES.has(name) || name.startsWith('sqlite_')) continue;
      for (const row of this.#file.iterate(`SELECT * FROM ${name}`))
        for (const value of Object.values(row))
          if (typeof value === 'string') for (const [digest] of value.matchAll(DIGESTS)) yield digest;
    }
  }

  /** Of every small content. */
  contents(): readonly Digest[] {
    return this.#file.all('SELECT digest FROM content').map(({ digest }) => String(digest));
  }

  /** Small contents that no row names. In a transaction. */
  removeContents(contents: Iterable<Digest>): void {
    for (const digest of contents) this.#file.run('DELETE FROM content WHERE digest = ?', digest);
  }
}
