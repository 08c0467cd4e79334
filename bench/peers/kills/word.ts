/** What is demanded of Holdfast in the comparison by kills. */
import { OURS } from './peers.ts';
import type { Comparison } from './result.ts';

/** Has Holdfast had each effect once, and noticed each change? Of the others nothing is demanded. */
export function keepsItsWord({ peers }: Comparison): boolean {
  const ours = peers.find(({ name }) => name === OURS);
  if (ours === undefined) return true;
  if ('notRun' in ours) return false;
  const changes = [ours.edited, ours.added, ours.renamed];
  return (
    ours.kills.every(({ notOnce, ended }) => notOnce.length === 0 && ended !== 'not') &&
    changes.every(({ noticed, ended }) => noticed === 'before going on' && ended !== 'not')
  );
}
