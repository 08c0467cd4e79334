/** How many effects of which kind, in a few words for a person. */
import type { Effect } from '../../model/record/effect.ts';
import type { AppliedEffect } from '../../model/record/record.ts';

/** `2 files, 1 row`. */
export function effectsText(effects: readonly Pick<AppliedEffect, 'effect' | 'outcome'>[]): string {
  const counts = new Map<string, number>();
  for (const { effect, outcome } of effects)
    if (outcome === 'applied') counts.set(thingOf(effect), (counts.get(thingOf(effect)) ?? 0) + 1);
  return ['file', 'link', 'folder', 'row', 'statement', 'call']
    .flatMap((thing) =>
      counts.has(thing) ? [`${counts.get(thing)} ${thing}${counts.get(thing) === 1 ? '' : 's'}`] : [],
    )
    .join(', ');
}

function thingOf(effect: Effect): string {
  switch (effect.kind) {
    case 'sql':
      return 'statement';
    case 'perform':
      return 'call';
    case 'symlink.write':
      return 'link';
    case 'file.restore': {
      const { kind } = effect.after.kind === 'absent' ? effect.before : effect.after;
      return kind === 'directory' ? 'folder' : kind === 'symlink' ? 'link' : 'file';
    }
    default:
      return effect.kind.startsWith('row.') ? 'row' : effect.kind.startsWith('directory.') ? 'folder' : 'file';
  }
}
