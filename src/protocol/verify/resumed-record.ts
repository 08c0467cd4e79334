/**
 * A record that was made of a checkpoint, until the job goes on with it: what the checkpoint does not tell is noted in
 * it, files are brought back into a new workspace, and checkpoints that come after it are moved aside.
 *
 * Invariants
 * 1. What is left to do stands in the record from its first moment, so that whoever is killed goes on.
 * 2. A file is brought back only where nothing is. What can't be is left to the comparison, which asks.
 * 3. Calls that later checkpoints tell of, and who resumed the job why, are in the record before the job goes on.
 */
import { join } from 'node:path';
import * as z from 'zod';
import { canonicalJson } from '../../model/canonical-json.ts';
import { DigestSchema, digestOf } from '../../model/digest.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { ResumeRequest } from '../../model/job/resume.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import { ABSENT, type FileState } from '../../model/record/world.ts';
import { isThere, makeDirectory } from '../../store/durable-file.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { PerformRow } from '../../store/ledger/perform-row.ts';
import type { SealedStore } from '../../store/sealed/store.ts';
import type { StoredJob } from '../checkpoint/load-job.ts';
import { lostCallsNote } from '../checkpoint/lost-calls.ts';
import type { Workspace } from '../workspace/workspace.ts';

/** In a note for people. */
const MAX_NAMED = 20;

const HalfResumedSchema = z.strictObject({
  at: z.int(),
  head: DigestSchema,
  /** Numbers of later checkpoints in the store. */
  later: z.array(z.int()),
  /** Was the workspace new? Then its files are brought back. */
  bringsBack: z.boolean(),
});
/** A record that was made, and is not finished. */
export type HalfResumed = z.infer<typeof HalfResumedSchema>;

interface Made {
  readonly stored: StoredJob;
  readonly later: readonly number[];
  readonly settings: JobSettings;
  readonly bringsBack: boolean;
}

/** What the record holds besides, from its first moment. */
export function marksOf({ stored, later, settings, bringsBack }: Made): Readonly<Record<string, string>> {
  const { jobId, place } = stored.checkpoint;
  const half: HalfResumed = { at: place.seq, head: place.head, later: [...later], bringsBack };
  return { [halfKey(jobId)]: JSON.stringify(half), ...lostCallsNote(stored.checkpoint, later.length, settings) };
}

export function halfResumed(ledger: Ledger, jobId: string): HalfResumed | undefined {
  const text = ledger.meta.find(halfKey(jobId));
  return text === undefined ? undefined : HalfResumedSchema.parse(JSON.parse(text));
}

interface ResumeNote {
  readonly jobId: string;
  readonly runId: string;
  readonly resume: ResumeRequest;
  readonly calls: StoredJob['parts'];
  readonly store: string;
}

/** Has this Run, or the one that it goes on for, recorded that it goes on with this record? */
export function isResumedBy(ledger: Ledger, jobId: string, runId: string, { begunBy }: ResumeRequest): boolean {
  const by = ledger.meta.find(resumedByKey(jobId));
  return by !== undefined && (by === runId || by === begunBy);
}

/** Who resumed the job, and why. Once a Run. Call under the lock. */
export function recordResume(ledger: Ledger, { jobId, runId, resume, calls, store }: ResumeNote): void {
  const { at } = ledger.job(jobId)!;
  if (isResumedBy(ledger, jobId, runId, resume)) return;
  const half = halfResumed(ledger, jobId);
  const { by, reason, older } = resume;
  const notes = [
    half === undefined
      ? `goes on from its own record, its store being ${store}`
      : `goes on from checkpoint ${half.at} of ${store}`,
    ...(older === undefined ? [] : [`by the decision of ${older.by} for an older checkpoint: ${older.reason}`]),
    ...(half === undefined || half.later.length === 0 ? [] : [asideText(half.later)]),
  ];
  ledger.transaction(() => {
    for (const { calls: told } of calls)
      for (const call of told)
        if (ledger.perform(call.token, call.name) === undefined) ledger.putPerform(call as unknown as PerformRow);
    ledger.append(jobId, runId, {
      kind: 'decision',
      question: digestOf({ resume: canonicalJson({ jobId, runId }) }),
      questionKind: 'resume',
      answers: {},
      by,
      reason,
      reruns: [],
      adopts: [],
      changes: [],
      kept: {},
      resumesFrom: half?.at ?? at.seq,
      notes,
    });
    ledger.meta.set(resumedByKey(jobId), runId);
  });
}

/** They are moved once it is recorded: see `finishResume`. */
function asideText(later: readonly number[]): string {
  const more = later.length > MAX_NAMED ? ` and ${later.length - MAX_NAMED} more` : '';
  return `moved aside in the store, not deleted: checkpoint ${later.slice(0, MAX_NAMED).join(', ')}${more}`;
}

interface Finishing {
  readonly workspace: Workspace;
  readonly ledger: Ledger;
  readonly jobId: string;
  readonly store: SealedStore;
  readonly resume: ResumeRequest;
}

/** Call under the lock. Safe to repeat after a kill. */
export async function finishResume({ workspace, ledger, jobId, store, resume }: Finishing): Promise<void> {
  const half = halfResumed(ledger, jobId);
  if (half === undefined) return;
  if (half.bringsBack) await bringFilesBack(workspace, ledger, jobId);
  const { by, reason } = resume.older ?? resume;
  for (const seq of half.later.toReversed()) {
    await store.setAside(jobId, seq, `the job was resumed from checkpoint ${half.at} by ${by}: ${reason}`);
  }
  ledger.transaction(() => ledger.meta.remove(halfKey(jobId)));
}

/** Folders first, as their names lead to what is in them. */
async function bringFilesBack(workspace: Workspace, ledger: Ledger, jobId: string): Promise<void> {
  const made = [...ledger.manifest(jobId).values()]
    .filter(({ resource, role }) => resource.startsWith('file:') && role !== 'read' && role !== 'watched')
    .sort((a, b) => (a.resource < b.resource ? -1 : 1));
  for (const [index, { resource, state, digest }] of made.entries()) {
    if (state.kind !== 'file' && state.kind !== 'directory' && state.kind !== 'symlink') continue;
    await bringBack(workspace, resource.slice('file:'.length), state, { token: digest, index });
  }
}

async function bringBack(
  workspace: Workspace,
  path: string,
  state: FileState,
  name: { readonly token: string; readonly index: number },
): Promise<void> {
  try {
    makeFoldersAbove(workspace.root, path);
    await workspace.files.put(path, state, ABSENT, name);
  } catch (error) {
    // A content that is lost, or a path that can't be: the comparison tells of it.
    if (!(error instanceof HoldfastError) || error.retryable) throw error;
  }
}

/** Folders that were there before the job: the record tells nothing of them. */
function makeFoldersAbove(root: string, path: string): void {
  const folders = path.split('/').slice(0, -1);
  folders.reduce((above, name) => {
    const folder = join(above, name);
    if (!isThere(folder)) makeDirectory(folder);
    return folder;
  }, root);
}

function halfKey(jobId: string): string {
  return `resuming:${jobId}`;
}

function resumedByKey(jobId: string): string {
  return `resumedBy:${jobId}`;
}
