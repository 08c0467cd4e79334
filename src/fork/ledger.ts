/**
 * The ledger of a fork that has not begun: the other job's chain up to the checkpoint, under an id that is provisional,
 * since its Run is not known before it is started.
 *
 * Invariants
 * 1. The records' texts and heads are the other job's: whoever holds a head of it holds that of the fork, too.
 * 2. Neither its calls, nor its approvals of what was not applied, nor any draft is in it.
 */
import { mkdirSync } from 'node:fs';
import { link } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Digest } from '../model/digest.ts';
import type { ChainPlace } from '../model/job/chain-place.ts';
import { pendingJobId, type PendingFork } from '../model/job/fork.ts';
import type { JobSettings } from '../model/job/settings.ts';
import { GENESIS } from '../model/record/chain.ts';
import { HOLDFAST_DIRECTORY } from '../model/step/workspace-path.ts';
import { BlobStore } from '../store/blobs/blobs.ts';
import { makeDirectory, syncDirectory, systemCode, writeDurably } from '../store/durable-file.ts';
import { appendRecord } from '../store/ledger/chain.ts';
import { PendingForks } from '../store/ledger/pending-fork.ts';
import { makeLedger } from '../store/ledger/make-ledger.ts';
import { besideEachOther } from './beside-each-other.ts';
import type { Moment } from './moment.ts';
import type { ForkSource } from './source.ts';

const RECORDS_AT_ONCE = 500;
const DIGESTS = /"([0-9a-f]{64})"/g;

interface NewLedger {
  readonly pending: PendingFork;
  readonly settings: JobSettings;
}

/** @param root of the fork, which has no ledger. @throws HoldfastError `storage-failed`, `ledger-damaged` */
export async function makeForkLedger(
  source: ForkSource,
  { chain }: Moment,
  root: string,
  { pending, settings }: NewLedger,
): Promise<void> {
  const directory = join(root, HOLDFAST_DIRECTORY);
  makeDirectory(directory, 0o700);
  writeDurably(join(directory, '.gitignore'), '*\n');
  const small = await takeContents(source, chain, directory);
  const { workflowId } = pending.fork;
  const jobId = pendingJobId(workflowId);
  await makeLedger(directory, async (tables) => {
    tables.file.transaction(() => {
      tables.jobs.add({ jobId, workflowId, runId: '', settings });
      for (const [digest, bytes] of small) tables.contents.put(digest, bytes);
      PendingForks.note(tables, JSON.stringify(pending));
    });
    let after: ChainPlace = { seq: 0, head: GENESIS };
    for (let first = 0; first < chain.length; first += RECORDS_AT_ONCE)
      tables.file.transaction(() => {
        for (const { record, text, head } of chain.slice(first, first + RECORDS_AT_ONCE)) {
          const at = { seq: record.seq, head };
          appendRecord(tables, { record: { ...record, jobId }, text, after, at });
          if (record.kind === 'decision')
            for (const { stepId, generation } of record.reruns) tables.generations.issue(jobId, stepId, generation);
          after = at;
        }
      });
    await Promise.resolve();
  });
}

/** What the records name: small contents for the ledger; blobs get a second name in the fork's store. */
async function takeContents(
  { workspace, ledger }: ForkSource,
  chain: Moment['chain'],
  directory: string,
): Promise<ReadonlyMap<Digest, Uint8Array>> {
  const named = new Set<Digest>();
  for (const { text } of chain) for (const [, digest] of text.matchAll(DIGESTS)) named.add(digest!);
  const small = new Map<Digest, Uint8Array>();
  const blobs = new BlobStore(join(directory, 'blobs'));
  const folders = new Set<string>();
  await besideEachOther([...named], async (digest) => {
    const bytes = ledger.content(digest);
    if (bytes !== undefined) small.set(digest, bytes);
    else if (workspace.blobs.has(digest)) await takeBlob(workspace.blobs, blobs, digest, folders);
  });
  for (const folder of folders) syncDirectory(folder);
  if (folders.size > 0) syncDirectory(blobs.directory);
  return small;
}

/** No content is ever changed in a store: one file may stand in two. */
async function takeBlob(from: BlobStore, to: BlobStore, digest: Digest, folders: Set<string>): Promise<void> {
  const target = to.pathOf(digest);
  const folder = dirname(target);
  if (!folders.has(folder)) mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    await link(from.pathOf(digest), target);
    folders.add(folder);
  } catch (error) {
    // Another file system, or one without hard links.
    if (!['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP'].includes(systemCode(error) ?? '')) throw error;
    await to.put(from.stream(digest));
  }
}
