/** The table `perform`: the calls that steps make while their code runs. */
import type { Digest } from '../../model/digest.ts';
import type { NamedRow } from '../sqlite-store.ts';
import { Columns, outline, sealedText } from './columns.ts';
import type { LedgerFile } from './file.ts';
import { rowPages, type RowScope } from './row-pages.ts';
import { CALL_STATES, DOUBT_POLICIES, KNOWN_BY, type PerformBasis, type PerformRow } from './perform-row.ts';

const COLUMNS = new Columns('perform');
const isBasis = outline<PerformBasis>({ request: 'string', reads: 'string' });
const isRequested = outline<NonNullable<PerformRow['wanted']>>({ request: 'string', reads: 'string', text: 'string' });

export class CallTable {
  readonly #file: LedgerFile;

  constructor(file: LedgerFile) {
    this.#file = file;
  }

  find(token: Digest, name: string): PerformRow | undefined {
    const row = this.#file.get('SELECT * FROM perform WHERE token = ? AND name = ?', token, name);
    return row === undefined ? undefined : read(row);
  }

  /** What counts of a call: its row of this generation, or of the latest one before that has a row. */
  inForce(jobId: string, stepId: string, name: string, generation: number): PerformRow | undefined {
    const row = this.#file.get(
      `SELECT * FROM perform WHERE job_id = ? AND step_id = ? AND name = ? AND generation <= ?
       ORDER BY generation DESC LIMIT 1`,
      jobId,
      stepId,
      name,
      generation,
    );
    return row === undefined ? undefined : read(row);
  }

  /**
   * Of each call its row of the latest generation, up to `upTo`; in the order in which they were begun.
   * @param stepId default: calls of all steps
   */
  allInForce(jobId: string, stepId?: string, upTo = Number.MAX_SAFE_INTEGER): readonly PerformRow[] {
    const latest = new Map<string, PerformRow>();
    for (const row of this.all(jobId, stepId, upTo)) latest.set(`${row.stepId}/${row.name}`, row);
    return [...latest.values()];
  }

  /** Of every generation up to `upTo`, in the order in which they were begun. `stepId` default: calls of all steps. */
  all(jobId: string, stepId?: string, upTo = Number.MAX_SAFE_INTEGER): readonly PerformRow[] {
    const rows =
      stepId === undefined
        ? this.#file.all(
            'SELECT * FROM perform WHERE job_id = ? AND generation <= ? ORDER BY generation, rowid',
            jobId,
            upTo,
          )
        : this.#file.all(
            'SELECT * FROM perform WHERE job_id = ? AND step_id = ? AND generation <= ? ORDER BY generation, rowid',
            jobId,
            stepId,
            upTo,
          );
    return rows.map(read);
  }

  /** For whoever checks them: of every job, a page at a time. `open`: those that may still be made. */
  *pages(scope: RowScope): Generator<readonly PerformRow[]> {
    const where = scope === 'open' ? "state NOT IN ('done', 'kept', 'withdrawn')" : 'TRUE';
    for (const page of rowPages(this.#file, { table: 'perform', key: 'rowid', where })) yield page.map(read);
  }

  put(row: PerformRow): void {
    this.#file.run(
      `INSERT INTO perform VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
       ON CONFLICT (token, name) DO UPDATE SET state = excluded.state, key = excluded.key, round = excluded.round,
         in_doubt = excluded.in_doubt, request = excluded.request, request_digest = excluded.request_digest,
         answers = excluded.answers, answer = excluded.answer, known = excluded.known, called_in = excluded.called_in,
         nonce = excluded.nonce, note = excluded.note, at = excluded.at, wanted = excluded.wanted`,
      row.token,
      row.name,
      row.jobId,
      row.stepId,
      row.generation,
      row.state,
      row.key,
      row.round,
      row.inDoubt,
      row.request.text,
      row.request.digest,
      row.answers === null ? null : JSON.stringify(row.answers),
      row.answer === null ? null : sealedText(row.answer),
      row.known,
      row.calledIn,
      row.nonce,
      row.note,
      row.at,
      row.wanted === null ? null : JSON.stringify(row.wanted),
    );
  }
}

function read(row: NamedRow): PerformRow {
  return {
    token: COLUMNS.text(row, 'token'),
    name: COLUMNS.text(row, 'name'),
    jobId: COLUMNS.text(row, 'job_id'),
    stepId: COLUMNS.text(row, 'step_id'),
    generation: COLUMNS.integer(row, 'generation'),
    state: COLUMNS.oneOf(row, 'state', CALL_STATES),
    key: COLUMNS.text(row, 'key'),
    round: COLUMNS.integer(row, 'round'),
    inDoubt: COLUMNS.oneOf(row, 'in_doubt', DOUBT_POLICIES),
    request: { digest: COLUMNS.text(row, 'request_digest'), text: COLUMNS.text(row, 'request') },
    answers: COLUMNS.jsonOrNull(row, 'answers', isBasis),
    answer: COLUMNS.sealedOrNull(row, 'answer'),
    known: COLUMNS.oneOfOrNull(row, 'known', KNOWN_BY),
    calledIn: COLUMNS.integer(row, 'called_in'),
    nonce: COLUMNS.text(row, 'nonce'),
    note: COLUMNS.textOrNull(row, 'note'),
    at: COLUMNS.text(row, 'at'),
    wanted: COLUMNS.jsonOrNull(row, 'wanted', isRequested),
  };
}
