/**
 * What a person puts in by hand together with a fork, looked at before anything is made: as far as the record tells,
 * which has neither the plan nor the contracts of steps. The fork's Workflow looks at it again, before it runs.
 */
import { pathTo, stateAfter } from '../model/checkpoint/state-at.ts';
import { HoldfastError, isFailure } from '../model/failure.ts';
import { everyItemOf } from '../model/item-id.ts';
import { parseEdit, type Edit } from '../model/job/edit.ts';
import type { CheckpointRecord } from '../model/record/record.ts';
import { FoldedWrites } from '../model/state/fold-writes.ts';
import { knownAt, type Moment } from './moment.ts';
import type { ForkOptions } from './options.ts';

const MAX_STEPS_NAMED = 20;

/** Undefined: nothing is put in. @throws HoldfastError `bad-input` */
export function editOf({ edit, by, reason = '' }: ForkOptions): Edit | undefined {
  if (edit === undefined) return undefined;
  const parsed = parseEdit({ ...edit, by, reason });
  if ('value' in parsed) return parsed.value;
  throw notSo(parsed.problems);
}

/** @throws HoldfastError `bad-input`: nothing is made */
export function refuseUnfitEdit(edit: Edit | undefined, moment: Moment): void {
  if (edit === undefined) return;
  const problems = [...stepProblems(edit, moment), ...valueProblems(edit, moment)];
  if (problems.length > 0) throw notSo(problems);
}

function stepProblems({ asNode }: Edit, moment: Moment): readonly string[] {
  const { done } = knownAt(moment);
  const { next, more } = moment.checkpoint;
  // Of very many that come next the record does not have all.
  if ([...done, ...next].some((id) => id === asNode || id === everyItemOf(asNode)) || more?.next !== undefined)
    return [];
  const named = [...next, ...done.toReversed()].slice(0, MAX_STEPS_NAMED).join(', ') || 'none';
  return [`step "${asNode}" is neither done at checkpoint ${moment.checkpoint.seq} nor next: expected one of ${named}`];
}

function valueProblems({ asNode, values = {} }: Edit, { chain, checkpoint }: Moment): readonly string[] {
  const all = chain.flatMap(({ record }): readonly CheckpointRecord[] =>
    record.kind === 'checkpoint' ? [record] : [],
  );
  const path = pathTo(all, checkpoint);
  const declared = path.findLast(({ begins }) => begins !== undefined)?.begins ?? {};
  const writes = Object.entries(values).map(([channel, value]) => {
    const reducer = declared[channel]?.reducer ?? 'replace';
    return { node: asNode, channel, reducer, value };
  });
  try {
    new FoldedWrites(declared, stateAfter(path)).add(writes);
    return [];
  } catch (error) {
    if (!isFailure(error)) throw error;
    return [error.message.replace(/\.$/, '')];
  }
}

function notSo(problems: readonly string[]): HoldfastError {
  return new HoldfastError(
    'bad-input',
    `This can't be put in together with the fork: ${problems.join('; ')}. Nothing was made.`,
    { problems },
  );
}
