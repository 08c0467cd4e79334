/**
 * Makes a job's ledger in a workspace from what a store has of the job.
 *
 * What it has: the records with their heads and the manifest that they fold to, the results of steps and sub-steps,
 * what they were given (for compensations), calls with their answers and states, contents, the generations that were
 * issued, and whether the job goes on. Secrets are as they were stored: by their names.
 *
 * What no checkpoint has, and so it lacks, is whatever was under way. Intents that were sealed or half applied, values
 * that attempts had fixed, calls of steps that were not done, how often those had failed, questions that were open,
 * rulings of an undoing that had not ended, and other jobs' records. The first verification finds what they have left
 * in the world: token rows that the record does not know are asked about, temporary files beside targets are removed.
 * What steps that were not done may have called can't be known: whoever calls this sees to that.
 *
 * Invariants
 * 1. It makes the whole or nothing, also where it is killed, and never replaces a ledger that is there.
 * 2. Every content is compared with its digest before the ledger has its name.
 * 3. An approval of before holds for no draft that is made after it: drafts are numbered on from what no attempt had.
 */
import { hash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Digest } from '../../model/digest.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { ChainPlace } from '../../model/job/chain-place.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import { GENESIS } from '../../model/record/chain.ts';
import type { ChainRecord, StepRecord } from '../../model/record/record.ts';
import { appendRecord } from '../../store/ledger/chain.ts';
import { filedUnder } from '../../store/ledger/filed-under.ts';
import type { JobRow, NewJob } from '../../store/ledger/jobs.ts';
import { makeLedger } from '../../store/ledger/make-ledger.ts';
import type { PerformRow } from '../../store/ledger/perform-row.ts';
import type { LedgerTables } from '../../store/ledger/tables.ts';
import type { SealedStore } from '../../store/sealed/store.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { StoredJob } from './load-job.ts';

const RECORDS_AT_ONCE = 500;
/** No mark of a comparison is of this start of a host: everything is compared, and what was forgotten is removed. */
const NO_BOOT = { bootId: 'rebuilt', bootMs: 0 };
/** No attempt of before has had a draft of such a number, in this ledger or in one that was rebuilt earlier. */
const firstDraft = (): number => Math.floor(Date.now() / 1_000);

export interface RebuildFrom {
  readonly stored: StoredJob;
  readonly store: SealedStore;
  readonly settings: JobSettings;
  /** What the ledger holds besides, by name, from its first moment on. Default: nothing. */
  readonly notes?: Readonly<Record<string, string>>;
  /** Under the lock, before anything is made: moves what is in the way. Default: nothing is in the way. */
  readonly before?: () => Promise<void>;
  /** What joins the chain behind the checkpoint, before anybody sees the ledger. Default: nothing. */
  readonly after?: (tables: LedgerTables) => void;
}

/**
 * Call it without the workspace's lock. Safe to repeat after a kill.
 * @returns where its chain ends
 * @throws HoldfastError `foreign-ledger` where the workspace has a ledger; `checkpoint-damaged`, `not-found` where a
 *   content can't be had; `busy`, `storage-failed`, `storage-unreachable`, `permission-denied`
 */
export async function rebuildLedger(workspace: Workspace, from: RebuildFrom): Promise<ChainPlace> {
  const { stored, store } = from;
  await fetchContents(workspace, stored, store);
  const args = await argumentsIn(workspace, stored);
  return await workspace.withoutLedger('rebuild the ledger', async () => {
    await from.before?.();
    return await makeLedger(workspace.directory, async (tables) => {
      await fill(tables, from, args);
      if (from.after !== undefined) tables.file.transaction(() => from.after!(tables));
      return tables.jobs.endOf(stored.checkpoint.jobId)!;
    });
  });
}

/** The row of a job whose record is made anew, before its records. */
export function addRebuiltJob(tables: LedgerTables, job: NewJob): void {
  tables.jobs.add(job);
  tables.meta.set('firstDraft', String(firstDraft()));
}

/** The same, once its records are there. */
export function placeRebuiltJob(tables: LedgerTables, jobId: string, state: JobRow['state']): void {
  tables.jobs.setState(jobId, state);
  tables.jobs.setMark(jobId, 0, NO_BOOT);
  if (state !== 'released') tables.meta.set('boundJob', jobId);
}

async function fill(
  tables: LedgerTables,
  { stored, settings, notes = {} }: RebuildFrom,
  args: SmallContents,
): Promise<void> {
  const { checkpoint, chain } = stored;
  const { jobId, workflowId } = checkpoint;
  const small = [...args, ...smallContents(stored)];
  tables.file.transaction(() => {
    addRebuiltJob(tables, { jobId, workflowId, runId: chain.at(-1)!.record.runId, settings });
    for (const [digest, bytes] of small) tables.contents.put(digest, bytes);
    for (const [name, note] of Object.entries(notes)) tables.meta.set(name, note);
  });
  let after: ChainPlace = { seq: 0, head: GENESIS };
  for (let first = 0; first < chain.length; first += RECORDS_AT_ONCE) {
    tables.file.transaction(() => {
      for (const { record, text, head } of chain.slice(first, first + RECORDS_AT_ONCE)) {
        const at = { seq: record.seq, head };
        appendRecord(tables, { record: filedUnder(record, jobId), text, after, at });
        putWhatFollows(tables, record, jobId);
        after = at;
      }
    });
    await nextTurn();
  }
  tables.file.transaction(() => {
    for (const call of latestCalls(stored)) tables.calls.put(call);
    placeRebuiltJob(tables, jobId, stateAfter(chain.map(({ record }) => record)));
  });
}

/** What other tables have because of a record. */
function putWhatFollows(tables: LedgerTables, record: ChainRecord, jobId: string): void {
  // What a fork has of the other job was never claimed by it, and is not undone in it.
  if (record.kind === 'step' && record.jobId === jobId) putDoneClaim(tables, record);
  if (record.kind !== 'decision') return;
  for (const { stepId, generation } of record.reruns) tables.generations.issue(jobId, stepId, generation);
}

/** Its digest of the arguments leads compensations to what the step was given. */
export function putDoneClaim({ claims }: LedgerTables, { token, jobId, stepId, generation, args }: StepRecord): void {
  claims.put({
    token,
    jobId,
    stepId,
    generation,
    args,
    nonce: '',
    workerId: '',
    state: 'done',
    ordinal: 0,
    attempts: 1,
    failures: 0,
    dropped: 0,
    draft: 0,
    rejection: null,
  });
}

/** A later part tells a call as it was then. In the order in which they are told first. */
function latestCalls({ parts }: StoredJob): readonly PerformRow[] {
  const latest = new Map<string, PerformRow>();
  for (const { calls } of parts)
    for (const call of calls) latest.set(`${call.token} ${call.name}`, call as unknown as PerformRow);
  return [...latest.values()];
}

/** How the job's row stood after these records. */
function stateAfter(records: readonly ChainRecord[]): JobRow['state'] {
  let state: JobRow['state'] = 'open';
  for (const record of records) {
    if (record.kind === 'opened' || record.kind === 'forked') state = 'open';
    if (record.kind === 'undoing') state = 'undoing';
    if (record.kind === 'released') state = 'released';
    if (record.kind === 'decision' && state === 'open' && Object.values(record.answers).includes('abort'))
      state = 'aborted';
  }
  return state;
}

type SmallContents = ReadonlyMap<Digest, Uint8Array>;

function smallContents({ parts, checkpoint }: StoredJob): SmallContents {
  const contents = new Map<Digest, Uint8Array>();
  for (const part of parts)
    for (const [digest, base64] of Object.entries(part.contents)) {
      const bytes = Buffer.from(base64, 'base64');
      mustBe(digest, hash('sha256', bytes), checkpoint.place.seq);
      contents.set(digest, bytes);
    }
  return contents;
}

/** Those that are sound in the workspace still are not read from the store. */
async function fetchContents(
  workspace: Workspace,
  { parts, checkpoint }: StoredJob,
  store: SealedStore,
): Promise<void> {
  for (const digest of new Set(parts.flatMap(({ blobs }) => blobs))) {
    if (await workspace.blobs.hasIntact(digest)) continue;
    const { content } = await workspace.blobs.put(store.getBlob(digest));
    mustBe(digest, content, checkpoint.place.seq);
  }
}

/** What steps were given, where it is not small: whoever looks for it looks in the ledger alone. */
async function argumentsIn(workspace: Workspace, { chain, parts }: StoredJob): Promise<SmallContents> {
  const blobs = new Set(parts.flatMap((part) => part.blobs));
  const contents = new Map<Digest, Uint8Array>();
  for (const { record } of chain)
    if (record.kind === 'step' && blobs.has(record.args))
      contents.set(record.args, await workspace.blobs.read(record.args));
  return contents;
}

function mustBe(digest: Digest, found: Digest, seq: number): void {
  if (digest === found) return;
  throw new HoldfastError(
    'checkpoint-damaged',
    `A content of checkpoint ${seq} is not what its name says: expected ${digest}, found ${found}. Nothing was made.`,
    { seq, expected: digest, found },
  );
}
