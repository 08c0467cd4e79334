/** Differences as a person reads them, from states and the contents behind them. */
import type { Intent } from '../../model/record/intent.ts';
import type { RowChange } from '../../model/record/effect.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import { parseResource } from '../../model/record/resource.ts';
import type { Finding } from '../../model/question/finding.ts';
import type { FileState, ResourceState } from '../../model/record/world.ts';
import { describeRowChange, describeRowDifference } from '../../effects/database/row-difference.ts';
import { describeSchemaDifference } from '../../effects/database/schema-difference.ts';
import { Turns } from '../../effects/turns.ts';
import type { Conflict } from './conflict.ts';
import { finding, sideOf } from './finding.ts';
import type { Workspace } from '../workspace/workspace.ts';

/** Readable, bounded; '' where there is nothing to add to the two sides. */
export async function describeDifference(
  workspace: Workspace,
  resource: string,
  expected: ResourceState,
  found: ResourceState,
  settings: JobSettings,
): Promise<string> {
  const parsed = parseResource(resource);
  switch (parsed.kind) {
    case 'file':
      return await workspace.files.describe(parsed.path, expected as FileState, found as FileState);
    case 'row':
      return describeRowDifference(expected as never, found as never).join('\n');
    case 'schema':
      return describeSchemaDifference(expected as never, found as never, {
        dialect: workspace.dialectOf(parsed.database, settings),
      }).join('\n');
    default:
      return '';
  }
}

/** Of thousands of changes a person reads the list; each is in the intent's digest, shown or not. */
const MAX_DIFFERENCES_CHARACTERS = 1024 * 1024;

/** One difference an effect, in the intent's order: exactly what is asked to be approved. */
export async function describeIntent(workspace: Workspace, intent: Intent): Promise<readonly string[]> {
  const differences: string[] = [];
  const turns = new Turns();
  let characters = 0;
  for (const effect of intent.effects) {
    await turns.take();
    characters += differences.at(-1)?.length ?? 0;
    if (characters > MAX_DIFFERENCES_CHARACTERS)
      differences.push('path' in effect ? '(too much has been shown to show this one, too)' : '');
    else if (effect.kind === 'sql') differences.push(`${effect.text}\n-- with ${JSON.stringify(effect.params)}`);
    else if (effect.kind === 'perform') differences.push('(done already: it was called while the step ran)');
    else if ('path' in effect)
      differences.push(
        effect.kind.startsWith('directory.') || effect.kind === 'symlink.write'
          ? ''
          : await workspace.files.describePlanned(effect.path, effect.before, effect.after),
      );
    else differences.push(describeRowChange(effect.before, rowAfter(effect)).join('\n'));
  }
  return differences;
}

/** What a row shall look like, as far as is known before the database has had its say. */
function rowAfter(change: RowChange): RowChange['before'] {
  if (change.kind === 'row.delete') return { kind: 'absent' };
  return {
    kind: 'row',
    columns: { ...(change.before.kind === 'row' ? change.before.columns : {}), ...change.key, ...change.values },
  };
}

export async function describeConflicts(
  workspace: Workspace,
  intent: Intent,
  conflicts: readonly Conflict[],
  settings: JobSettings,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { resource, expectedBefore, expectedAfter, found } of conflicts) {
    const one = await describeConflict(
      workspace,
      settings,
      resource,
      { stepId: intent.stepId, before: expectedBefore, after: expectedAfter },
      found,
    );
    // An undoing isn't undone.
    findings.push(
      intent.undoes === undefined
        ? one
        : { ...one, rerunSteps: [], answers: one.answers.filter((answer) => answer !== 'undo') },
    );
  }
  return findings;
}

/** A target found neither as it was nor as it shall be, while its step is being applied. */
export async function describeConflict(
  workspace: Workspace,
  settings: JobSettings,
  resource: string,
  {
    stepId,
    before,
    after,
  }: { readonly stepId: string; readonly before: ResourceState; readonly after: ResourceState | undefined },
  found: ResourceState,
): Promise<Finding> {
  const orAfter = after === undefined ? '' : `, or after: ${sideOf(after).text}`;
  return finding({
    resource,
    class: 'conflict',
    kind: 'target-neither-before-nor-after',
    expected: { ...sideOf(before), text: `before: ${sideOf(before).text}${orAfter}` },
    found: sideOf(found),
    rerunSteps: [stepId],
    difference: await describeDifference(workspace, resource, after ?? before, found, settings),
    advice: `Step ${stepId} was half applied when this was changed by someone else.`,
  });
}
