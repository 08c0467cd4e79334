/**
 * The table `repair`: decisions that are being carried out, or were. A repair's token is its question's digest. What a
 * body holds is the repair's own affair.
 */
import type { Digest } from '../../model/digest.ts';
import { invariant } from '../../model/invariant.ts';
import type { NamedRow } from '../sqlite-store.ts';
import { Columns, parseJson } from './columns.ts';
import type { LedgerFile } from './file.ts';

const STATES = ['sealed', 'done'] as const;

export interface RepairRow {
  readonly body: unknown;
  readonly state: (typeof STATES)[number];
}

const COLUMNS = new Columns('repair');

export class RepairTable {
  readonly #file: LedgerFile;

  constructor(file: LedgerFile) {
    this.#file = file;
  }

  find(question: Digest): RepairRow | undefined {
    const row = this.#file.get('SELECT body, state FROM repair WHERE question = ?', question);
    return row === undefined ? undefined : { body: bodyOf(row), state: COLUMNS.oneOf(row, 'state', STATES) };
  }

  has(question: Digest): boolean {
    return this.#file.get('SELECT 1 FROM repair WHERE question = ?', question) !== undefined;
  }

  /** The body of the repair that was carried out last. */
  latest(jobId: string): unknown {
    const row = this.#file.get(
      `SELECT body FROM repair WHERE job_id = ? AND state = 'done' ORDER BY rowid DESC LIMIT 1`,
      jobId,
    );
    return row === undefined ? undefined : bodyOf(row);
  }

  sealed(jobId: string): readonly Digest[] {
    return this.#file
      .all(`SELECT question FROM repair WHERE job_id = ? AND state = 'sealed' ORDER BY rowid`, jobId)
      .map((row) => COLUMNS.text(row, 'question'));
  }

  seal(question: Digest, jobId: string, body: unknown): void {
    this.#file.run(`INSERT INTO repair VALUES (?, ?, ?, 'sealed')`, question, jobId, JSON.stringify(body));
  }

  finish(question: Digest, body: unknown): void {
    const changed = this.#file.run(
      `UPDATE repair SET state = 'done', body = ? WHERE question = ?`,
      JSON.stringify(body),
      question,
    );
    invariant(changed === 1, `a repair that is finished (${question}) was sealed`);
  }
}

function bodyOf(row: NamedRow): unknown {
  return parseJson(COLUMNS.text(row, 'body'), 'repair');
}
