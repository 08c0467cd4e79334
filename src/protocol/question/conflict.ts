/** A target of a half-applied intent that somebody else has changed: neither as before nor as wanted. */
import type { JobSettings } from '../../model/job/settings.ts';
import type { Finding } from '../../model/question/finding.ts';
import type { Intent } from '../../model/record/intent.ts';
import type { ResourceState } from '../../model/record/world.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { describeDifference } from './describe.ts';
import { finding, sideOf } from './finding.ts';

/** A target found neither before nor after, once the intent has begun to be applied. */
export interface Conflict {
  readonly effect: number;
  readonly resource: string;
  readonly expectedBefore: ResourceState;
  readonly expectedAfter: ResourceState | undefined;
  readonly found: ResourceState;
}

/** What is being applied to a target. after: undefined where only the database could say. */
export interface AppliedTarget {
  readonly stepId: string;
  readonly before: ResourceState;
  readonly after: ResourceState | undefined;
}

/** Whose intent it is: a step of this job can be undone and run again; an undoing, or another job's step, can't. */
export type IntentOwner = 'step' | 'undoing' | 'another job';

export interface ConflictFields {
  readonly resource: string;
  readonly target: AppliedTarget;
  readonly found: ResourceState;
  readonly difference: string;
  readonly owner: IntentOwner;
}

export function conflictFinding({ resource, target, found, difference, owner }: ConflictFields): Finding {
  const { stepId, before, after } = target;
  const orAfter = after === undefined ? '' : `, or after: ${sideOf(after).text}`;
  return finding({
    resource,
    class: 'conflict',
    kind: 'target-neither-before-nor-after',
    expected: { ...sideOf(before), text: `before: ${sideOf(before).text}${orAfter}` },
    found: sideOf(found),
    rerunSteps: owner === 'undoing' ? [] : [stepId],
    impossible: owner === 'step' ? [] : ['undo'],
    difference,
    advice: `Step ${stepId} was half applied when this was changed by someone else.`,
  });
}

/** One finding for each conflict that applying an intent has met. */
export async function conflictFindings(
  workspace: Workspace,
  settings: JobSettings,
  { stepId, undoes }: Pick<Intent, 'stepId' | 'undoes'>,
  conflicts: readonly Conflict[],
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { resource, expectedBefore: before, expectedAfter: after, found } of conflicts) {
    const difference = await describeDifference(
      { workspace, settings },
      { resource, expected: after ?? before, found },
    );
    const owner = undoes === undefined ? 'step' : 'undoing';
    findings.push(conflictFinding({ resource, target: { stepId, before, after }, found, difference, owner }));
  }
  return findings;
}
