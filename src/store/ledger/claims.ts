/**
 * The table `claim`: which attempt holds a token.
 *
 * Invariant: a token's attempts are only ever counted up; a row that would count fewer comes from a stale attempt.
 */
import type { Digest } from '../../model/digest.ts';
import { invariant } from '../../model/invariant.ts';
import type { NamedRow } from '../sqlite-store.ts';
import { Columns, outline } from './columns.ts';
import type { LedgerFile } from './file.ts';
import { rowPages, type RowScope } from './row-pages.ts';
import { SeenRow } from './seen-row.ts';

/** `left-open`: its worker was lost before it closed it. `done`: the token is recorded. */
const STATES = ['open', 'left-open', 'closed', 'done'] as const;

export interface ClaimRow {
  readonly token: Digest;
  readonly jobId: string;
  readonly stepId: string;
  readonly generation: number;
  readonly args: Digest;
  readonly nonce: string;
  readonly workerId: string;
  readonly state: (typeof STATES)[number];
  /** When it was opened, or found left open. */
  readonly ordinal: number;
  readonly attempts: number;
  /** How often the step's own code has failed. */
  readonly failures: number;
  /** How often a draft was dropped because what it read had changed. */
  readonly dropped: number;
  readonly draft: number;
  readonly rejection: Rejection | null;
}

/** A person's no to the draft before. */
export interface Rejection {
  readonly reason: string;
  readonly by: string;
  /** Version 0.1 did not write it. */
  readonly at?: string;
}

const COLUMNS = new Columns('claim');
const isRejection = outline<Rejection>({ reason: 'string', by: 'string' });

export class ClaimTable {
  readonly #file: LedgerFile;
  readonly #seen: SeenRow<ClaimRow>;

  constructor(file: LedgerFile) {
    this.#file = file;
    this.#seen = new SeenRow(file);
  }

  find(token: Digest): ClaimRow | undefined {
    return this.#seen.find(token, () => {
      const row = this.#file.get('SELECT * FROM claim WHERE token = ?', token);
      return row === undefined ? undefined : read(row);
    });
  }

  open(jobId: string): readonly ClaimRow[] {
    return this.#file.all(`SELECT * FROM claim WHERE job_id = ? AND state = 'open'`, jobId).map(read);
  }

  /** For whoever checks them: of every job, a page at a time. `open`: those that are not done. */
  *pages(scope: RowScope): Generator<readonly ClaimRow[]> {
    const where = scope === 'open' ? "state <> 'done'" : 'TRUE';
    for (const page of rowPages(this.#file, { table: 'claim', key: 'token', where })) yield page.map(read);
  }

  put(claim: ClaimRow): void {
    this.#seen.forget();
    const changed = this.#file.run(
      `INSERT INTO claim VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)
       ON CONFLICT (token) DO UPDATE SET args = excluded.args, nonce = excluded.nonce, worker_id = excluded.worker_id,
         state = excluded.state, ordinal = excluded.ordinal, attempts = excluded.attempts, failures = excluded.failures,
         dropped = excluded.dropped, draft = excluded.draft, rejection = excluded.rejection
       WHERE excluded.attempts >= claim.attempts`,
      claim.token,
      claim.jobId,
      claim.stepId,
      claim.generation,
      claim.args,
      claim.nonce,
      claim.workerId,
      claim.state,
      claim.ordinal,
      claim.attempts,
      claim.failures,
      claim.dropped,
      claim.draft,
      claim.rejection === null ? null : JSON.stringify(claim.rejection),
    );
    invariant(changed === 1, `attempt ${claim.attempts} of step ${claim.stepId} is the latest one`);
  }
}

function read(row: NamedRow): ClaimRow {
  return {
    token: COLUMNS.text(row, 'token'),
    jobId: COLUMNS.text(row, 'job_id'),
    stepId: COLUMNS.text(row, 'step_id'),
    generation: COLUMNS.integer(row, 'generation'),
    args: COLUMNS.text(row, 'args'),
    nonce: COLUMNS.text(row, 'nonce'),
    workerId: COLUMNS.text(row, 'worker_id'),
    state: COLUMNS.oneOf(row, 'state', STATES),
    ordinal: COLUMNS.integer(row, 'ordinal'),
    attempts: COLUMNS.integer(row, 'attempts'),
    failures: COLUMNS.integer(row, 'failures'),
    dropped: COLUMNS.integer(row, 'dropped'),
    draft: COLUMNS.integer(row, 'draft'),
    rejection: COLUMNS.jsonOrNull(row, 'rejection', isRejection),
  };
}
