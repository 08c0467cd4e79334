/**
 * A sub-step and the step in whose code it runs do not share what either changes: what the one reads would depend on
 * when the other is applied, and on a retry, where the sub-step is done already, that is another moment.
 */
import { HoldfastError } from '../../model/failure.ts';
import { uriOf } from '../../model/record/effect.ts';
import type { Intent } from '../../model/record/intent.ts';
import { parseResource } from '../../model/record/resource.ts';
import type { Stage } from '../attempt/stage.ts';
import type { StepAttempt } from './step-run.ts';

/** What a sub-step reads and writes, by resource. */
interface Touched {
  readonly read: Iterable<string>;
  readonly written: Iterable<string>;
}

/** Call before the sub-step is sealed. @throws HoldfastError `same-target-twice`: an error of the step's code */
export function refuseShared(attempt: StepAttempt, intent: Intent): void {
  if (attempt.within === undefined) return;
  const { effects, observations } = intent;
  const written = effects.filter(({ kind }) => kind !== 'directory.create').flatMap((effect) => uriOf(effect) ?? []);
  refuseTouched(attempt, { read: observations.map(({ resource }) => resource), written });
}

/** The same, of what is known to be touched. */
export function refuseTouched({ within, request: { stepId } }: StepAttempt, { read, written }: Touched): void {
  for (let outer = within?.attempt; outer !== undefined; outer = outer.within?.attempt) {
    const { stage, request } = outer;
    for (const resource of written)
      if (stage.observations.has(resource))
        throw shared(stepId, 'writes', resource, `${request.stepId} has read before`);
    // Most steps stage nothing beside their sub-steps, and what a resource names need not be found out then.
    if (stage.files.size === 0 && stage.changes.length === 0) continue;
    for (const [verb, resources] of [
      ['writes', written],
      ['reads', read],
    ] as const)
      for (const resource of resources)
        if (isStaged(stage, resource))
          throw shared(stepId, verb, resource, `${request.stepId} has staged and applies at its own end`);
  }
}

function isStaged(stage: Stage, uri: string): boolean {
  const resource = parseResource(uri);
  if (resource.kind === 'file') return stage.files.has(resource.path);
  return resource.kind === 'row' && stage.stagedTables(resource.database).has(resource.table);
}

function shared(stepId: string, verb: string, resource: string, how: string): HoldfastError {
  return new HoldfastError(
    'same-target-twice',
    `Sub-step ${stepId} ${verb} ${resource}, which step ${how}. ` +
      'Read and write it in sub-steps alone, or hand over what was read as input.',
    { resource, stepId },
  );
}
