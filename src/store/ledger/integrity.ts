/**
 * Checks a ledger: SQLite's own check of the file, then a job's chain and manifest from its records. A comparison of a
 * long chain goes on from the head that the last one has remembered.
 *
 * Invariants
 * 1. A ledger that can't be read is a problem like any other: it is returned, not thrown.
 * 2. Only a check from the beginning says that a ledger is damaged: one that goes on and finds something wrong is
 *    followed by it.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isFailure } from '../../model/failure.ts';
import { GENESIS } from '../../model/record/chain.ts';
import type { ChainRecord } from '../../model/record/record.ts';
import { checkChain, type ChainCheck } from './chain-check.ts';
import { MAX_BYTES_READ_WHOLE, type CheckedFor, type CheckedHead, type CheckedTable } from './checked.ts';
import { FoldCheck } from './fold-check.ts';
import type { ManifestTable } from './manifest.ts';
import type { RecordTable } from './records.ts';
import type { GenerationTable } from './generations.ts';
import { IssuedGenerations } from './issued-generations.ts';
import { rowProblems, type CheckedRows } from './row-check.ts';
import { checkHere, type Verdict } from './soundness.ts';

export interface CheckedTables extends CheckedRows {
  readonly generations: GenerationTable;
  readonly records: RecordTable;
  readonly manifest: ManifestTable;
  readonly checked: CheckedTable;
}

type Visitor = (record: ChainRecord) => void;

/** A check may go on from a remembered head. */
export interface GoingOn extends CheckedFor {
  /** What was visited counts for nothing: all records are visited from the beginning. */
  readonly onAnew: () => void;
}

const BEGINNING = { seq: 0, head: GENESIS, sizeBytes: 0 };

/** @returns what is wrong, in words; empty when nothing is */
export function integrityProblems(tables: CheckedTables, jobId: string): readonly string[] {
  const { file } = tables;
  const checking = checkRecords(tables, jobId, { visit: () => undefined });
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
 * in order, so that nothing else has to read them all again; only those after the head where the check goes on.
 */
export async function checkIntegrity(
  tables: CheckedTables,
  jobId: string,
  visit: Visitor,
  goingOn?: GoingOn,
): Promise<ChainCheck> {
  const further = goingOn === undefined ? undefined : await checkFurther(tables, jobId, { ...goingOn, visit });
  if (further !== undefined) return further;
  goingOn?.onAnew();
  try {
    const problems = verdictProblems(await tables.file.check());
    const check = await inTurns(checkRecords(tables, jobId, { visit, isKept: goingOn !== undefined }));
    return { ...check, problems: [...problems, ...check.problems] };
  } catch (error) {
    return damageOnly(error);
  }
}

/** Undefined: there is no head to go on from, or it leads to something that is wrong. */
async function checkFurther(
  tables: CheckedTables,
  jobId: string,
  goingOn: GoingOn & { readonly visit: Visitor },
): Promise<ChainCheck | undefined> {
  try {
    const head = tables.checked.find(jobId, goingOn);
    if (head === undefined || head.sizeBytes <= MAX_BYTES_READ_WHOLE) return undefined;
    if (tables.records.headAt(jobId, head.at.seq) !== head.at.head) return undefined;
    const check = await inTurns(checkRecords(tables, jobId, { visit: goingOn.visit, head, isKept: true }));
    return check.problems.length === 0 ? check : undefined;
  } catch (error) {
    if (isFailure(error, 'ledger-damaged')) return undefined;
    throw error;
  }
}

async function inTurns(checking: Generator<undefined, ChainCheck>): Promise<ChainCheck> {
  for (;;) {
    const step = checking.next();
    if (step.done === true) return step.value;
    await nextTurn();
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

interface How {
  readonly visit: Visitor;
  /** Where it goes on from. Default: the beginning. */
  readonly head?: CheckedHead;
  /** A later check may go on from this one. Default: none. */
  readonly isKept?: boolean;
}

function* checkRecords(
  tables: CheckedTables,
  jobId: string,
  { visit, head, isKept = false }: How,
): Generator<undefined, ChainCheck> {
  const { jobs, records, manifest, generations } = tables;
  const job = jobs.find(jobId);
  if (job === undefined) return withoutChain([`there is no row for job ${jobId}`]);
  const from = head === undefined ? BEGINNING : { ...head.at, sizeBytes: head.sizeBytes };
  const issued = new IssuedGenerations();
  const check = yield* checkChain(
    {
      jobId,
      at: job.at,
      from,
      batches: records.batches(jobId, from.seq),
      fold: new FoldCheck(head),
      entries: manifest.pages(jobId),
      isKept,
    },
    (record) => {
      issued.add(record);
      visit(record);
    },
  );
  const rows = yield* rowProblems(tables, head === undefined ? 'all' : 'open');
  return { ...check, problems: [...check.problems, ...issued.problems(generations, jobId), ...rows] };
}

function withoutChain(problems: readonly string[]): ChainCheck {
  return { problems, manifest: new Map(), at: { seq: 0, head: GENESIS }, sizeBytes: 0, digests: undefined };
}
