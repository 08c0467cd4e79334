/** What a fork was made with, in its ledger until its job has begun; its chain stands under a provisional id. */
import type { NewJob } from './jobs.ts';
import type { LedgerTables } from './tables.ts';

const KEY = 'fork';

export class PendingForks {
  readonly #tables: LedgerTables;

  constructor(tables: LedgerTables) {
    this.#tables = tables;
  }

  /** Undefined: there is no fork that has not begun. */
  find(): string | undefined {
    return this.#tables.meta.find(KEY);
  }

  /** Gives its chain to its job, which begins. In a transaction. @param from the provisional id */
  begin(from: string, job: Omit<NewJob, 'workflowId'>): void {
    const { jobs, records, manifest, generations, meta } = this.#tables;
    for (const table of [records, manifest, generations]) table.giveTo(job.jobId, from);
    jobs.giveTo(job, from);
    meta.remove(KEY);
  }

  /** Of a ledger that is being made. */
  static note({ meta }: Pick<LedgerTables, 'meta'>, text: string): void {
    meta.set(KEY, text);
  }
}
