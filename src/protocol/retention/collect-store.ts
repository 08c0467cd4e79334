/**
 * Cleans up a store of checkpoints: old generations of jobs that say how many they keep, and contents that none names.
 *
 * Invariants
 * 1. Three generations of each job stay, and whatever the kept ones go on from: back to the last whole one.
 * 2. A content goes only where every document of the store could be read and none names it, and where nobody has stored
 *    or kept it for a day: whoever seals a checkpoint keeps its contents until it is stored.
 */
import type { Digest } from '../../model/digest.ts';
import { isFailure } from '../../model/failure.ts';
import { openPlain } from '../../store/sealed/open.ts';
import { MIN_KEPT, pruneSeries } from '../../store/sealed/prune.ts';
import type { SealedStore } from '../../store/sealed/store.ts';
import { loadCheckpoint } from '../checkpoint/load-job.ts';

/** So long a content is kept that nobody names: much longer than a checkpoint takes to be sealed. */
const UNUSED_FOR_MS = 24 * 60 * 60 * 1_000;
const DIGESTS = /[0-9a-f]{64}/g;

export interface CollectedStore {
  readonly location: string;
  readonly checkpoints: number;
  readonly contents: number;
  readonly sizeBytes: number;
  /** Why something was not removed that could have been. */
  readonly hindrances: readonly string[];
}

interface Collecting {
  /** By job: how many of its checkpoints stay. Others keep all. */
  readonly keep: ReadonlyMap<string, number>;
  readonly dryRun: boolean;
  /** Default `UNUSED_FOR_MS`. */
  readonly unusedForMs?: number;
  readonly onProgress?: (text: string) => void;
}

/** Safe to repeat, and beside writers. @throws HoldfastError as the store's methods do */
export async function collectStore(
  store: SealedStore,
  { keep, dryRun, unusedForMs = UNUSED_FOR_MS, onProgress = () => undefined }: Collecting,
): Promise<CollectedStore> {
  const hindrances: string[] = [];
  let checkpoints = 0;
  const going = new Map<string, ReadonlySet<number>>();
  for (const [series, kept] of keep) {
    const pruned = await prune(store, series, { keep: Math.max(MIN_KEPT, kept), dryRun });
    checkpoints += pruned.removed.length;
    going.set(series, new Set(pruned.removed));
    if (pruned.hindrance !== undefined) hindrances.push(pruned.hindrance);
    onProgress(`${checkpoints} old checkpoints`);
  }
  if (!dryRun) await store.removeLeftovers();
  const named = await namedBy(store, going, onProgress);
  if ('hindrance' in named) hindrances.push(named.hindrance);
  const removed =
    'hindrance' in named
      ? { contents: 0, sizeBytes: 0 }
      : await removeOthers(store, named.digests, { dryRun, unusedForMs });
  return { location: store.location, checkpoints, ...removed, hindrances };
}

interface Pruned {
  readonly removed: readonly number[];
  readonly hindrance?: string;
}

async function prune(
  store: SealedStore,
  series: string,
  { keep, dryRun }: { readonly keep: number; readonly dryRun: boolean },
): Promise<Pruned> {
  const there = await store.generations(series);
  const oldest = there.at(-keep);
  if (oldest === undefined || oldest === there[0]) return { removed: [] };
  try {
    let neededFrom = oldest;
    // It goes on from the one before, and so on, back to one that has the whole chain.
    for (let at = oldest; at > 0;) {
      neededFrom = at;
      at = (await loadCheckpoint(store, series, at)).chain.after.seq;
    }
    if (dryRun) return { removed: there.filter((seq) => seq < neededFrom) };
    const { removed, hindrance } = await pruneSeries({ store, series, kind: 'checkpoint' }, { keep, neededFrom });
    return hindrance === undefined ? { removed } : { removed, hindrance: hindrance.failure.message };
  } catch (error) {
    if (!isFailure(error, 'checkpoint-damaged', 'unknown-format', 'not-found')) throw error;
    return { removed: [], hindrance: `${error.message} So nothing older of ${series} was removed.` };
  }
}

/** Whatever looks like a digest in a document counts. */
async function namedBy(
  store: SealedStore,
  going: ReadonlyMap<string, ReadonlySet<number>>,
  onProgress: (text: string) => void,
): Promise<{ readonly digests: ReadonlySet<Digest> } | { readonly hindrance: string }> {
  const digests = new Set<Digest>();
  for (const series of await store.series()) {
    onProgress(`contents that ${series} names`);
    for (const generation of await store.generations(series)) {
      if (going.get(series)?.has(generation) === true) continue;
      const bytes = await store.get(series, generation);
      // Its writer, or somebody who cleans up, has taken it away.
      if (bytes === undefined) continue;
      try {
        const { plain } = openPlain(bytes, `checkpoint ${generation} of ${series}`);
        for (const [digest] of plain.toString('utf8').matchAll(DIGESTS)) digests.add(digest);
      } catch (error) {
        if (!isFailure(error, 'checkpoint-damaged', 'unknown-format')) throw error;
        return { hindrance: `${error.message} What it names is not known, so no content was removed.` };
      }
    }
  }
  return { digests };
}

async function removeOthers(
  store: SealedStore,
  named: ReadonlySet<Digest>,
  { dryRun, unusedForMs }: { readonly dryRun: boolean; readonly unusedForMs: number },
): Promise<Pick<CollectedStore, 'contents' | 'sizeBytes'>> {
  let contents = 0;
  let bytes = 0;
  for await (const { content, sizeBytes, atMs } of store.blobs()) {
    if (named.has(content)) continue;
    const isGone = dryRun ? Date.now() - atMs >= unusedForMs : await store.removeBlob(content, unusedForMs);
    if (!isGone) continue;
    contents += 1;
    bytes += sizeBytes;
  }
  return { contents, sizeBytes: bytes };
}
