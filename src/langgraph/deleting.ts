/**
 * Takes a thread, or what is damaged of it, out of use.
 *
 * Invariant: the mark that says so is durable before anything is removed or moved, and stays. So a crash in between
 * leaves a decision that was made, never an older state, and nobody takes the thread for one that the store has lost.
 */
import { isFailure } from '../model/failure.ts';
import { seriesOf, threadText } from './names.ts';
import type { Thread } from './thread.ts';
import type { ThreadStore } from './patient-store.ts';

export async function deleteThread(store: ThreadStore, thread: Thread): Promise<void> {
  const series = seriesOf(thread.name);
  if ((await store.generations(series)).length === 0) return;
  const mark = await thread.markDeleted();
  for (const generation of await store.generations(series))
    if (generation < mark) await store.remove(series, generation);
}

/**
 * Removes what retention gives up. What can't be removed now is no longer part of the thread, and is tried again with
 * the next pruning: the checkpoint that was put is durable in any case.
 */
export async function prune(store: ThreadStore, thread: Thread, keep: number): Promise<void> {
  try {
    const isUnneeded = await thread.prune(keep);
    if (isUnneeded === undefined) return;
    const series = seriesOf(thread.name);
    for (const generation of (await store.generations(series)).filter(isUnneeded))
      await store.remove(series, generation);
  } catch (error) {
    if (!isFailure(error)) throw error;
    process.emitWarning(`Old checkpoints of ${threadText(thread.name)} are still there: ${error.message}`, {
      code: 'holdfast-retention',
    });
  }
}

/** A generation that couldn't be read, and where it lies now. */
export interface SetAside {
  /** Its number in the thread. */
  readonly generation: number;
  /** For people: a path, or a row. Undefined: it was missing. */
  readonly place: string | undefined;
  /** What is wrong with it. */
  readonly damage: string;
}

/** Gives up what can't be read, and moves it out of the way. */
export async function setAsideDamaged(store: ThreadStore, thread: Thread): Promise<readonly SetAside[]> {
  const damaged = [...((await thread.listing())?.index.damaged ?? [])];
  if (damaged.length === 0) return [];
  await thread.giveUp(damaged.map(([generation]) => generation));
  const moved: SetAside[] = [];
  for (const [generation, { message }] of damaged) {
    const place = await store.setAside(seriesOf(thread.name), generation, message);
    moved.push({ generation, place, damage: message });
  }
  return moved;
}
