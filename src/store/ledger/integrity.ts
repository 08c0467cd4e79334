/**
 * Checks the whole of a ledger: SQLite's own check of the file, then a job's chain and manifest from its records.
 *
 * Invariant: a ledger that can't be read is a problem like any other: it is returned, not thrown.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isFailure } from '../../model/failure.ts';
import { GENESIS } from '../../model/record/chain.ts';
import type { ChainRecord } from '../../model/record/record.ts';
import { checkChain, type ChainCheck } from './chain-check.ts';
import type { LedgerFile } from './file.ts';
import type { JobTable } from './jobs.ts';
import type { ManifestTable } from './manifest.ts';
import type { RecordTable } from './records.ts';
import { checkHere, type Verdict } from './soundness.ts';

export interface CheckedTables {
  readonly file: LedgerFile;
  readonly jobs: JobTable;
  readonly records: RecordTable;
  readonly manifest: ManifestTable;
}

type Visitor = (record: ChainRecord) => void;

/** @returns what is wrong, in words; empty when nothing is */
export function integrityProblems(tables: CheckedTables, jobId: string): readonly string[] {
  const { file } = tables;
  const checking = checkRecords(tables, jobId, () => undefined);
  try {
    const verdict = file.translated(() => checkHere(file.path));
    for (;;) {
      const step = checking.next();
      if (step.done === true) return [...verdictProblems(verdict), ...step.value.problems];
    }
  } catch (error) {
    return damageOnly(error).problems;
  }
}

/**
 * The same, giving others a turn between batches: call it under the workspace's lock. `visit` gets each record once,
 * in order, so that nothing else has to read them all again.
 */
export async function checkIntegrity(tables: CheckedTables, jobId: string, visit: Visitor): Promise<ChainCheck> {
  try {
    const problems = verdictProblems(await tables.file.check());
    const checking = checkRecords(tables, jobId, visit);
    for (;;) {
      const step = checking.next();
      if (step.done === true) return { ...step.value, problems: [...problems, ...step.value.problems] };
      await nextTurn();
    }
  } catch (error) {
    return damageOnly(error);
  }
}

/** @throws the error, unless it says that the ledger is damaged */
function damageOnly(error: unknown): ChainCheck {
  if (isFailure(error, 'ledger-damaged')) return withoutChain([error.message]);
  throw error;
}

function verdictProblems(verdict: Verdict): readonly string[] {
  return verdict === 'ok' ? [] : [`SQLite: ${verdict}`];
}

function* checkRecords(
  { jobs, records, manifest }: CheckedTables,
  jobId: string,
  visit: Visitor,
): Generator<undefined, ChainCheck> {
  const job = jobs.find(jobId);
  if (job === undefined) return withoutChain([`there is no row for job ${jobId}`]);
  return yield* checkChain({ at: job.at, batches: records.batches(jobId), manifest: () => manifest.all(jobId) }, visit);
}

function withoutChain(problems: readonly string[]): ChainCheck {
  return { problems, manifest: new Map(), at: { seq: 0, head: GENESIS } };
}
