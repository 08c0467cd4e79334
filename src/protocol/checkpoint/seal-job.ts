/**
 * Seals a job's checkpoints to the store that its plan names.
 *
 * Invariants
 * 1. A checkpoint counts as sealed once the store has it, read back: no code of a later super-step runs before.
 * 2. What is sealed follows from the record alone, so that two workers that seal the same one seal the same document.
 * 3. A store that has other checkpoints of the job than its record is a person's matter, never written over.
 */
import { canonicalJson, type Json, type JsonObject } from '../../model/canonical-json.ts';
import { pathTo, stateAfter } from '../../model/checkpoint/state-at.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { ChainPlace } from '../../model/job/chain-place.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import type { ChainPart, SealedCheckpoint } from '../../model/job/sealed-checkpoint.ts';
import { GENESIS } from '../../model/record/chain.ts';
import type { CheckpointRecord } from '../../model/record/record.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { seal } from '../../store/sealed/seal.ts';
import type { SealedStore } from '../../store/sealed/store.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { chainPart, partBytes, placeOf } from './chain-part.ts';
import { loadCheckpoint } from './load-job.ts';

/** Values up to this size stand in the document; they follow from the chain in any case. */
const MAX_VALUES_BYTES = 16_384;
/** Before so much is new, no whole chain is due again. */
const MIN_GROWN_BYTES = 16_384;

const BEGINNING: ChainPlace = { seq: 0, head: GENESIS };

/** How far a job is sealed. */
interface Sealed {
  /** Of the newest checkpoint in the store; undefined: there is none. */
  readonly last: Pick<SealedCheckpoint, 'place' | 'chain' | 'growth'> | undefined;
}

interface Job {
  readonly jobId: string;
  readonly workflowId: string;
  readonly settings: JobSettings;
}

/** Of a job whose plan names a store: the job's checkpoints there, as far as this process knows. */
export class SealedJobs {
  readonly #sealed = new Map<string, Sealed>();
  #turn: Promise<unknown> = Promise.resolve();

  /**
   * Stores what the record has and the store has not, oldest first. Safe to repeat. One at a time.
   * @param writer for people who meet it in the store
   * @throws HoldfastError `busy`, `storage-unreachable`, `storage-failed` (may pass); `permission-denied`,
   *   `read-back-failed`, `checkpoint-taken`, `checkpoint-damaged`, `missing-variable`
   */
  async seal(workspace: Workspace, job: Job, writer: string): Promise<void> {
    const work = this.#turn.then(() => this.#seal(workspace, job, writer));
    this.#turn = work.catch(() => undefined);
    await work;
  }

  async #seal(workspace: Workspace, job: Job, writer: string): Promise<void> {
    const store = workspace.checkpointStore(job.settings);
    const key = `${store.location} ${job.jobId}`;
    let sealed = this.#sealed.get(key) ?? (await this.#newest(store, workspace, job));
    this.#sealed.set(key, sealed);
    for (;;) {
      const document = await workspace.exclusive('checkpoint', (ledger) =>
        nextDocument({ workspace, ledger, job, last: sealed.last }),
      );
      if (document === undefined) break;
      await putContents(store, workspace, document.chain);
      const bytes = seal({ kind: 'checkpoint', document: document as unknown as Json, writer });
      await store.put(job.jobId, document.place.seq, bytes);
      sealed = { last: document };
      this.#sealed.set(key, sealed);
    }
  }

  /** What the store has: it must be of this record. */
  async #newest(store: SealedStore, workspace: Workspace, { jobId }: Job): Promise<Sealed> {
    const seq = (await store.generations(jobId)).at(-1);
    if (seq === undefined) return { last: undefined };
    const last = await loadCheckpoint(store, jobId, seq);
    const head = await workspace.exclusive('checkpoint', (ledger) => ledger.headAt(jobId, seq));
    if (head === last.place.head) return { last };
    throw new HoldfastError(
      'checkpoint-taken',
      `The store has checkpoint ${seq} of ${jobId} (${store.where(jobId, seq)}), and the record in ${workspace.root} ` +
        `${head === undefined ? 'ends before it' : 'has another one of this number'}. Nothing was written.`,
      { jobId, seq, where: store.where(jobId, seq) },
    );
  }
}

interface Site {
  readonly workspace: Workspace;
  readonly ledger: Ledger;
  readonly job: Job;
  readonly last: Sealed['last'];
}

/** Undefined: the store has all that the record has. */
function nextDocument({ workspace, ledger, job, last }: Site): SealedCheckpoint | undefined {
  const { jobId, workflowId } = job;
  const from = last?.place ?? BEGINNING;
  const record = nextCheckpoint(ledger, jobId, from.seq);
  if (record === undefined) return undefined;
  const place = placeOf(ledger, jobId, record.seq);
  const part = chainPart(ledger, workspace, jobId, { after: from, upTo: record.seq });
  const { wholeBytes = 0, sinceBytes = 0 } = last?.growth ?? {};
  const grown = sinceBytes + partBytes(part);
  const isWhole = from.seq === 0 || grown >= Math.max(wholeBytes, MIN_GROWN_BYTES);
  const isLater = isWhole && from.seq > 0;
  const chain = isLater ? chainPart(ledger, workspace, jobId, { after: BEGINNING, upTo: record.seq }) : part;
  return {
    jobId,
    workflowId,
    place,
    parent: record.parent,
    at: record.at,
    metadata: { source: record.source, step: record.step },
    next: record.next,
    tasks: record.tasks,
    values: isWhole ? smallValues(ledger, jobId, record) : null,
    chain,
    before: isWhole ? null : last!.chain,
    growth: isWhole ? { wholeBytes: partBytes(chain), sinceBytes: 0 } : { wholeBytes, sinceBytes: grown },
  };
}

function nextCheckpoint(ledger: Ledger, jobId: string, after: number): CheckpointRecord | undefined {
  for (const { record } of ledger.records(jobId, after)) if (record.kind === 'checkpoint') return record;
  return undefined;
}

function smallValues(ledger: Ledger, jobId: string, record: CheckpointRecord): JsonObject | null {
  const all = ledger.checkpoints(jobId, record.seq);
  const values = stateAfter(pathTo(all, record));
  return Buffer.byteLength(canonicalJson(values)) <= MAX_VALUES_BYTES ? values : null;
}

/** The store has each content before the checkpoint that names it, and keeps it until then. */
async function putContents(store: SealedStore, workspace: Workspace, { blobs }: ChainPart): Promise<void> {
  const there = await store.keepBlobs(blobs);
  for (const digest of blobs) if (!there.has(digest)) await store.putBlob(workspace.blobs.stream(digest));
}
