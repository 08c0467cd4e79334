/** A checkpoint as text. */
import { defined } from '../model/defined.ts';
import type { CheckpointRecord } from '../model/record/record.ts';
import { againText } from '../model/record/try-text.ts';

/** `the input`, `the end of super-step 2`. */
export function checkpointTitle({ source, step }: Pick<CheckpointRecord, 'source' | 'step'>): string {
  if (source === 'fork') return 'the fork';
  return source === 'input' ? 'the input' : `the end of super-step ${step}`;
}

/** For `--json`. */
export function checkpointData(record: CheckpointRecord): object {
  const { seq, parent, at, next, tasks, more, source, step, writes } = record;
  return { seq, parent, at, next, tasks, ...defined({ more }), metadata: { source, step, writes } };
}

/** `draft, review (failed)`. */
export function ranText({ tasks, more }: Pick<CheckpointRecord, 'tasks' | 'more'>): string {
  const told = tasks.map(({ id, generation, outcome }) => {
    const how = outcome === 'done' ? '' : ` (${outcome})`;
    return `${id}${againText(generation)}${how}`;
  });
  return listed(told, more?.tasks);
}

export function nextText({ next, more }: Pick<CheckpointRecord, 'next' | 'more'>): string {
  return listed(next, more?.next);
}

/** The channels that were written. */
export function writtenText({
  writes,
  begins,
}: Partial<Pick<CheckpointRecord, 'begins'>> & Pick<CheckpointRecord, 'writes'>): string {
  const channels = writes.length > 0 ? writes.map(({ channel }) => channel) : Object.keys(begins ?? {});
  return listed([...new Set(channels)], undefined);
}

function listed(names: readonly string[], more: number | undefined): string {
  if (names.length === 0) return '-';
  return [...names, ...(more === undefined ? [] : [`${more} more`])].join(', ');
}
