/** How many effects of which kind, in a few words for a person. */
import { counted } from '../counted.ts';
import type { Effect } from './effect.ts';
import type { AppliedEffect, StepRecord } from './record.ts';

const THINGS = ['file', 'link', 'folder', 'row', 'statement', 'call'] as const;
type Thing = (typeof THINGS)[number];

/** `2 files, 1 row`; of those that were applied. */
export function effectsText(effects: readonly Pick<AppliedEffect, 'effect' | 'outcome'>[]): string {
  const applied = effects.filter(({ outcome }) => outcome === 'applied');
  const counts = Map.groupBy(applied, ({ effect }) => thingOf(effect));
  return THINGS.flatMap((thing) => {
    const count = counts.get(thing)?.length ?? 0;
    return count === 0 ? [] : [counted(count, thing)];
  }).join(', ');
}

/** What a step did in a few words, its sub-steps among it; '' where it did nothing. */
export function doneText({ effects, subSteps = 0 }: Pick<StepRecord, 'effects' | 'subSteps'>): string {
  return [effectsText(effects), ...(subSteps === 0 ? [] : [counted(subSteps, 'sub-step')])]
    .filter((text) => text !== '')
    .join(', ');
}

function thingOf(effect: Effect): Thing {
  switch (effect.kind) {
    case 'sql':
      return 'statement';
    case 'perform':
      return 'call';
    case 'row.insert':
    case 'row.upsert':
    case 'row.update':
    case 'row.delete':
      return 'row';
    case 'directory.create':
    case 'directory.remove':
    case 'directory.mode':
      return 'folder';
    case 'symlink.write':
      return 'link';
    case 'file.write':
    case 'file.remove':
      return 'file';
    case 'file.restore':
      return thingRestored(effect.after.kind === 'absent' ? effect.before.kind : effect.after.kind);
  }
}

function thingRestored(kind: string): Thing {
  if (kind === 'directory') return 'folder';
  return kind === 'symlink' ? 'link' : 'file';
}
