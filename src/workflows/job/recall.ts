/**
 * A new Run is given its place in the chain and what fits of the results of earlier ones; the others it reads from the
 * record when it first needs one, in pages: as many events for a thousand steps as for one.
 */
import { MAX_PAGES, type RecalledResult, type RecallRequest } from '../../model/job/recall.ts';
import { callRecall } from '../activities.ts';
import { isPatched } from '../patches.ts';
import type { JobParts } from './parts.ts';

type Place = Pick<JobParts, 'identity' | 'knowledge' | 'watch'>;

/** Undefined: they are not read, in histories that were begun before there was any of this. */
export function recallResults(
  { identity, knowledge, watch }: Place,
  from: Pick<RecallRequest, 'after' | 'atLeastBytes'>,
  add: (result: RecalledResult) => void,
): Promise<void> | undefined {
  if (!areRecalled()) return undefined;
  const { jobId, workspace } = identity;
  const readPages = async (): Promise<void> => {
    let after: number | undefined = from.after;
    for (let page = 0; page < MAX_PAGES && after !== undefined; page++) {
      const request: RecallRequest = { ...from, jobId, workspace, known: knowledge.known, after };
      const { results, next } = await watch.untilTaken({ activity: 'recall' }, (withinMs) =>
        callRecall(request, withinMs),
      );
      results.forEach(add);
      after = next;
    }
  };
  return readPages();
}

export function areRecalled(): boolean {
  return isPatched('results-left-out-are-recalled');
}
