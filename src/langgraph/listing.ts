/**
 * The checkpoints of a thread, newest first, as LangGraph asks for them.
 *
 * Invariant: what can't be read is never left out without a word: the list ends there with a failure that names it.
 * `before` goes on behind it, and each checkpoint can be loaded by its id.
 */
import type { CheckpointListOptions, CheckpointTuple } from '@langchain/langgraph-checkpoint';
import { isDeepStrictEqual } from 'node:util';
import { namingOthers } from './known.ts';
import type { Loading } from './loading.ts';
import { namedCheckpoint } from './names.ts';
import type { ThreadIndex } from './thread-index.ts';

/** The checkpoints of a thread, and how to load them. */
export interface Listing {
  readonly index: ThreadIndex;
  /** The newest generation. */
  readonly newest: number;
  readonly loading: Loading;
  readonly load: (id: string) => Promise<CheckpointTuple>;
}

/** Which checkpoints are wanted. */
export interface Wanted extends CheckpointListOptions {
  /** This one alone. */
  readonly id: string | undefined;
}

export async function* listed({ index, loading, load }: Listing, wanted: Wanted): AsyncGenerator<CheckpointTuple> {
  const before = wanted.before === undefined ? undefined : namedCheckpoint(wanted.before);
  const filter = Object.entries(wanted.filter ?? {});
  for (const id of index.ids) {
    if (before !== undefined && id >= before) continue;
    if (wanted.id !== undefined && id !== wanted.id) continue;
    const { generation, damage } = index.checkpoints.get(id)!;
    refuseUnknownAfter(index, generation, before);
    if (damage !== undefined) throw namingOthers(damage, index.soundIds);
    if (filter.length > 0) {
      const metadata = (await loading.metadata(await loading.entry(id, generation))) as Record<string, unknown>;
      if (!filter.every(([key, value]) => isDeepStrictEqual(metadata[key], value))) continue;
    }
    yield await load(id);
  }
  if (before === undefined) refuseUnknownAfter(index, -1, undefined);
}

/** A generation that can't be read may hold a checkpoint that belongs before this one in the list. */
function refuseUnknownAfter(index: ThreadIndex, generation: number, before: string | undefined): void {
  const from = before === undefined ? Number.POSITIVE_INFINITY : (index.checkpoints.get(before)?.generation ?? 0);
  for (const [unknown, damage] of index.unknown)
    if (unknown > generation && unknown < from) throw namingOthers(damage, index.soundIds);
}
