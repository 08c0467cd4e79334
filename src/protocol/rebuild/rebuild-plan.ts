/**
 * From what a lost record can be made anew, and what can't be known after it. Reads only, and makes nothing.
 *
 * The chain is that of the store's newest readable checkpoint, where there is one. What the Workflow's history says was
 * done since is adopted: its steps count as done, with what they returned, so that nothing is done twice. What they
 * changed is not in the history: transactions are taken from the databases, which prove them; files that built-in steps
 * are known to write, as they are now; the rest is named as not known. Steps that may have begun run anew in another
 * generation, and each of their calls is in doubt.
 *
 * Invariants
 * 1. Where the sources contradict each other, or one that is needed can't be had, there is no plan but the reason.
 * 2. A plan has a digest of all that a person is told of it: another plan is another question.
 */
import { join } from 'node:path';
import { mayPass } from '../../effects/files/sighting.ts';
import { digestOf, type Digest } from '../../model/digest.ts';
import { HoldfastError, isFailure } from '../../model/failure.ts';
import type { ChainPlace } from '../../model/job/chain-place.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import { GENESIS } from '../../model/record/chain.ts';
import { sameState, stateDigest, type ResourceState } from '../../model/record/world.ts';
import { tokenOf } from '../../model/record/token.ts';
import { builtInWrites } from '../../model/step/built-in/claims.ts';
import { HOLDFAST_DIRECTORY } from '../../model/step/workspace-path.ts';
import { tokenFiledUnder } from '../../store/ledger/filed-under.ts';
import { BlobStore } from '../../store/blobs/blobs.ts';
import type { SealedStore } from '../../store/sealed/store.ts';
import type { StoredJob } from '../checkpoint/load-job.ts';
import type { ProtocolHost } from '../host.ts';
import { resourceOfTrace, tokenTraces, whyNoTraces, type TokenTrace } from './database-traces.ts';
import { WorkspaceFiles } from '../workspace/files.ts';
import { cannotRead } from '../workspace/unreadable.ts';
import { knownJob, whyNoHistory, type BegunStep, type Known, type KnownJob, type KnownStep } from './known-job.ts';
import { storedBase, storeOf, type StoredBase, type Unreadable } from './stored-base.ts';

export interface RebuildSite {
  readonly host: ProtocolHost;
  readonly workflowId: string;
  readonly runId: string;
  readonly jobId: string;
  readonly settings: JobSettings;
  /** The chain's end, as far as the job knows. */
  readonly known: ChainPlace;
  /** The workspace's folder, its links resolved. */
  readonly root: string;
}

/** A file that a step is known to write, as it is now. */
export interface KnownFile {
  readonly resource: string;
  readonly state: ResourceState;
}

/** A step that may have begun. */
export interface StepAnew extends BegunStep {
  /** In which it runs from now on. */
  readonly next: number;
  /** Databases that have committed what it did, or may have. */
  readonly committedIn: readonly string[];
}

export interface RebuildPlan {
  /** Undefined: there is none, and the chain begins anew. */
  readonly stored: StoredJob | undefined;
  readonly storeLocation: string | undefined;
  readonly unreadable: readonly Unreadable[];
  /** What is adopted from the history, in order. */
  readonly adopted: readonly Known[];
  readonly traces: readonly TokenTrace[];
  /** Step's token → files. */
  readonly files: ReadonlyMap<Digest, readonly KnownFile[]>;
  readonly anew: readonly StepAnew[];
  readonly generations: KnownJob['generations'];
  readonly digest: Digest;
}

export type Rebuildable = { readonly plan: RebuildPlan } | { readonly refused: string };

const BEGINNING: ChainPlace = { seq: 0, head: GENESIS };

/** What can't be had now is a reason, too: a person sees it, and has it looked at again. */
export async function planRebuild(site: RebuildSite): Promise<Rebuildable> {
  const store = openStoreOf(site);
  if (store !== undefined && 'refused' in store) return store;
  try {
    return await planFrom(site, store);
  } catch (error) {
    // Whoever looks again may find it there, or may be let in.
    if (!isFailure(error) || (!error.retryable && error.type !== 'permission-denied')) throw error;
    return { refused: unknownText(error.message) };
  } finally {
    await store?.close();
  }
}

function openStoreOf({ settings, host }: RebuildSite): SealedStore | { readonly refused: string } | undefined {
  try {
    return storeOf(settings, host.workspaceRoot, host.env);
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    return { refused: `the store of its checkpoints can't be opened: ${error.message}` };
  }
}

async function planFrom(site: RebuildSite, store: SealedStore | undefined): Promise<Rebuildable> {
  const { jobId, known } = site;
  const { stored, unreadable } = store === undefined ? NO_STORE : await storedBase(store, jobId);
  const base = stored?.checkpoint.place ?? BEGINNING;
  const ended = stored === undefined ? undefined : whyOver(stored);
  if (ended !== undefined) return { refused: ended };
  let history: KnownJob | undefined;
  try {
    history = await knownJob(site, base);
  } catch (error) {
    const why = whyNoHistory(error);
    if (stored === undefined || base.seq < known.seq) return { refused: unknownText(why) };
  }
  if (history?.missing !== undefined && base.seq < known.seq) return { refused: unknownText(history.missing) };
  const adopted = notIn(stored, history?.known ?? [], jobId);
  const contradiction = whyContradicted(stored, site, history);
  if (contradiction !== undefined) return { refused: contradiction };
  if (history?.isUndoing === true)
    return { refused: 'the job is being undone, and how far that had come is in the lost record alone' };
  const begun = history?.begun ?? [];
  const steps = adopted.filter((one): one is KnownStep => one.kind === 'step');
  let traces: readonly TokenTrace[];
  try {
    traces = unrecordedTraces(stored, await tokenTraces(site.root, site.host.env, site));
  } catch (error) {
    return { refused: `what its databases have committed can't be seen: ${whyNoTraces(error)}` };
  }
  const generations = history?.generations ?? new Map<string, number>();
  const fields = {
    stored,
    storeLocation: store?.location,
    unreadable,
    adopted,
    traces,
    files: await filesOf(site, steps),
    anew: anewOf(jobId, { begun, steps, traces, generations }),
    generations,
  };
  return { plan: { ...fields, digest: digestOfPlan(base, fields) } };
}

function unknownText(why: string): string {
  return `what was done can't be known: ${why}`;
}

const NO_STORE: StoredBase = { stored: undefined, unreadable: [] };

/** The store has a job that goes no further. */
function whyOver({ chain }: StoredJob): string | undefined {
  // One that had ended is opened again where it goes back.
  const last = chain.findLast(({ record: { kind } }) => ['opened', 'undoing', 'released'].includes(kind))?.record.kind;
  return last === undefined || last === 'opened' ? undefined : `by its stored record the job is ${last}`;
}

/** The store, the Workflow and its history must tell of one chain. */
function whyContradicted(
  stored: StoredJob | undefined,
  { known }: RebuildSite,
  history: KnownJob | undefined,
): string | undefined {
  if (stored === undefined || history?.wasRebuilt === true) return undefined;
  const steps = (history?.known ?? []).flatMap((one) => (one.kind === 'step' ? [one.place] : []));
  const other = [known, ...steps].find(({ seq, head }) => (stored.chain[seq - 1]?.head ?? head) !== head);
  return other && `the store's record ${other.seq} is not the one that the job went on with`;
}

function notIn(stored: StoredJob | undefined, known: readonly Known[], jobId: string): readonly Known[] {
  const has = new Set<Digest>();
  for (const { record } of stored?.chain ?? []) {
    if (record.kind === 'step') has.add(tokenFiledUnder(record, jobId));
    if (record.kind === 'checkpoint') has.add(record.digest);
  }
  return known.filter((one) => {
    const id = one.kind === 'step' ? one.token : one.note.digest;
    if (has.has(id)) return false;
    has.add(id);
    return true;
  });
}

function unrecordedTraces(stored: StoredJob | undefined, traces: readonly TokenTrace[]): readonly TokenTrace[] {
  const recorded = new Map<string, ResourceState>();
  for (const { record } of stored?.chain ?? [])
    for (const { resource, state } of record.changes) if (resource.startsWith('token:')) recorded.set(resource, state);
  return traces.filter((trace) => {
    const state = recorded.get(resourceOfTrace(trace));
    return state === undefined || !sameState(state, trace.state);
  });
}

async function filesOf({ root }: RebuildSite, steps: readonly KnownStep[]): Promise<RebuildPlan['files']> {
  const folder = new WorkspaceFiles(root, new BlobStore(join(root, HOLDFAST_DIRECTORY, 'blobs')));
  const files = new Map<Digest, readonly KnownFile[]>();
  for (const { token, step, input } of steps) {
    const own: KnownFile[] = [];
    for (const { kind, resource } of builtInWrites(step, input)) {
      if (kind !== 'file') continue;
      const path = resource.slice('file:'.length);
      const sighting = await folder.observe(path);
      if (sighting.outcome === 'seen') own.push({ resource, state: sighting.state });
      else if (mayPass(sighting)) throw cannotRead(path, sighting);
    }
    if (own.length > 0) files.set(token, own);
  }
  return files;
}

interface Begun extends Pick<RebuildPlan, 'traces' | 'generations'> {
  readonly begun: readonly BegunStep[];
  readonly steps: readonly KnownStep[];
}

function anewOf(jobId: string, { begun, steps, traces, generations }: Begun): readonly StepAnew[] {
  const tokens = new Set(steps.map(({ token }) => token));
  const own = new Map(begun.map((one) => [tokenOf({ jobId, ...one }), one.stepId]));
  // Of a sub-step, whose name nobody knows.
  const others = traces.filter(({ token }) => !tokens.has(token) && !own.has(token)).map(({ database }) => database);
  return begun.map((one) => {
    const mine = traces.filter(({ token }) => own.get(token) === one.stepId).map(({ database }) => database);
    const next = Math.max(one.generation, generations.get(one.stepId) ?? 0) + 1;
    return { ...one, next, committedIn: [...new Set([...mine, ...others])] };
  });
}

function digestOfPlan(base: ChainPlace, plan: Omit<RebuildPlan, 'digest'>): Digest {
  const { unreadable, adopted, traces, files, anew } = plan;
  return digestOf({
    base,
    unreadable: unreadable.map(({ seq }) => seq),
    adopted: adopted.map((one) => (one.kind === 'step' ? one.token : one.note.digest)),
    traces: traces.map(resourceOfTrace),
    files: [...files.values()].flat().map(({ resource, state }) => ({ resource, state: stateDigest(state) })),
    anew: anew.map(({ stepId, next, committedIn }) => ({ stepId, next, committedIn: [...committedIn] })),
  });
}
