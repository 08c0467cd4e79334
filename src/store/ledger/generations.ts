/**
 * The table `generation`: the highest generation of each step that was ever issued. It never falls, so none is used
 * twice.
 */
import { Columns } from './columns.ts';
import type { LedgerFile } from './file.ts';

const COLUMNS = new Columns('generation');

export class GenerationTable {
  readonly #file: LedgerFile;

  constructor(file: LedgerFile) {
    this.#file = file;
  }

  highest(jobId: string, stepId: string): number | undefined {
    const row = this.#file.get('SELECT highest FROM generation WHERE job_id = ? AND step_id = ?', jobId, stepId);
    return row === undefined ? undefined : COLUMNS.integer(row, 'highest');
  }

  issue(jobId: string, stepId: string, generation: number): void {
    this.#file.run(
      `INSERT INTO generation VALUES (?, ?, ?)
       ON CONFLICT (job_id, step_id) DO UPDATE SET highest = max(highest, excluded.highest)`,
      jobId,
      stepId,
      generation,
    );
  }

  /** Of a chain that was made before its job had an id. */
  giveTo(jobId: string, from: string): void {
    this.#file.run('UPDATE generation SET job_id = ? WHERE job_id = ?', jobId, from);
  }
}
