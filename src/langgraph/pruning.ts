/**
 * Which generations of a thread its newest checkpoints need.
 *
 * Invariants
 * 1. What is kept can be loaded whole afterwards: its values, its tasks' writes, and the ancestors from which LangGraph
 *    makes the values of delta channels.
 * 2. What is kept has been read and verified for it. While something of the thread can't be read, nothing is given up.
 * 3. The newest generations stay, whatever is kept: at least three.
 */
import type { CheckpointMetadata } from '@langchain/langgraph-checkpoint';
import type { Listing } from './listing.ts';
import type { CheckpointPlace } from './thread-index.ts';

const NEWEST_KEPT = 3;

/** What is kept of a thread. */
export interface Kept {
  readonly checkpoints: string[];
  readonly generations: number[];
}

/** @throws HoldfastError `checkpoint-damaged`: something of the thread can't be read */
export async function planPruning(listing: Listing, keep: number): Promise<Kept> {
  const { index, loading, newest } = listing;
  for (const damage of index.damaged.values()) throw damage;
  const generations = new Set(Object.values(index.head.writes).flat());
  const checkpoints = new Set<string>();
  const addAncestors = async (first: string, count: number): Promise<void> => {
    let id: string | undefined = first;
    for (let left = count; left >= 0 && id !== undefined && index.checkpoints.has(id); left--) {
      const { generation, parent }: CheckpointPlace = index.checkpoints.get(id)!;
      if (!checkpoints.has(id)) {
        checkpoints.add(id);
        const entry = await loading.entry(id, generation);
        // With each generation the one that holds it once more.
        for (const place of [generation, ...Object.values(entry.kept)]) generations.add(place).add(place + 1);
        for (const place of index.writes.get(id) ?? []) generations.add(place).add(place + 1);
      }
      id = parent;
    }
  };
  for (const id of index.ids.slice(0, keep)) {
    const metadata = await loading.metadata(await loading.entry(id, index.checkpoints.get(id)!.generation));
    await addAncestors(id, 1 + supersteps(metadata));
  }
  for (let generation = newest; generation > newest - NEWEST_KEPT; generation--) generations.add(generation);
  const kept = [...generations].filter((generation) => generation >= 0 && generation <= newest).sort((a, b) => a - b);
  return { checkpoints: [...checkpoints], generations: kept };
}

/** How far back the snapshots of its delta channels may be. */
function supersteps({ counters_since_delta_snapshot: counters = {} }: CheckpointMetadata): number {
  return Math.max(0, ...Object.values(counters).map(([, count]) => count));
}
