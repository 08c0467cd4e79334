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

export interface CheckedTables {
  readonly file: LedgerFile;
  readonly jobs: JobTable;
  readonly records: RecordTable;
  readonly manifest: ManifestTable;
}

type Visitor = (record: ChainRecord) => void;

/** @returns what is wrong, in words; empty when nothing is */
export function integrityProblems(tables: CheckedTables, jobId: string): readonly string[] {
  const checking = check(tables, jobId, () => undefined);
  for (;;) {
    const turn = nextOf(tables, checking);
    if (turn !== undefined) return turn.problems;
  }
}

/**
 * The same, giving others a turn between batches: call it under the workspace's lock. `visit` gets each record once,
 * in order, so that nothing else has to read them all again.
 */
export async function checkIntegrity(tables: CheckedTables, jobId: string, visit: Visitor): Promise<ChainCheck> {
  const checking = check(tables, jobId, visit);
  for (;;) {
    const turn = nextOf(tables, checking);
    if (turn !== undefined) return turn;
    await nextTurn();
  }
}

/** Goes on to the next turn. Undefined: there is more to check. */
function nextOf({ file }: CheckedTables, checking: Generator<undefined, ChainCheck>): ChainCheck | undefined {
  try {
    const step = file.translated(() => checking.next());
    return step.done === true ? step.value : undefined;
  } catch (error) {
    if (isFailure(error, 'ledger-damaged')) return withoutChain([error.message]);
    throw error;
  }
}

function* check(
  { file, jobs, records, manifest }: CheckedTables,
  jobId: string,
  visit: Visitor,
): Generator<undefined, ChainCheck> {
  const verdict = Object.values(file.get('PRAGMA quick_check') ?? { verdict: 'ok' })[0];
  const problems = verdict === 'ok' ? [] : [`SQLite: ${String(verdict)}`];
  yield;
  const job = jobs.find(jobId);
  if (job === undefined) return withoutChain([...problems, `there is no row for job ${jobId}`]);
  const chain = yield* checkChain(
    { at: job.at, batches: records.batches(jobId), manifest: () => manifest.all(jobId) },
    visit,
  );
  return { ...chain, problems: [...problems, ...chain.problems] };
}

function withoutChain(problems: readonly string[]): ChainCheck {
  return { problems, manifest: new Map(), at: { seq: 0, head: GENESIS } };
}
