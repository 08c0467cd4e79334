/** What a person is asked while a job is undone. Each undoing asks before it seals anything. */
import type { Finding } from '../../model/question/finding.ts';
import type { ManifestEntry } from '../../model/record/manifest.ts';
import type { StepRecord } from '../../model/record/record.ts';
import { stateDigest, type FileState, type ResourceState } from '../../model/record/world.ts';
import { performDigest, type PerformRow } from '../../store/ledger/perform-row.ts';
import { finding, sideOf, textSide } from './finding.ts';
import { resourceOfCall } from './kept-calls.ts';
import { causeFields, KEEPS_CHANGING, nextStepAfter, type StuckCause, type StuckKind } from './stuck.ts';

const MAX_NAMED = 3;

export interface ChangedTarget {
  readonly resource: string;
  /** As it was before the step, and as the step made it. */
  readonly before: ResourceState;
  readonly after: ResourceState;
  readonly found: ResourceState;
  readonly difference: string;
}

/** A target of the step that somebody has changed since. */
export function changedSinceFinding(record: StepRecord, target: ChangedTarget): Finding {
  const { resource, before, after, found, difference } = target;
  return finding({
    resource,
    class: 'undo',
    kind: 'changed-since',
    expected: { ...sideOf(after), text: `as step ${record.stepId} left it: ${sideOf(after).text}` },
    found: sideOf(found),
    recorded: entryOf(record, resource, after),
    impossible: ['rerun', 'happened'],
    difference,
    advice:
      'Somebody has changed it since. overwrite puts it back as it was before the step: ' + `${sideOf(before).text}.`,
  });
}

/** A row of somebody else that foreign keys would change together with rows that are put back. */
export function takenAlongFinding(
  { resource, before, by }: { readonly resource: string; readonly before: ResourceState; readonly by: string },
  together: readonly string[],
): Finding {
  const more = together.length > MAX_NAMED ? ` and ${together.length - MAX_NAMED} more` : '';
  const named = `${together.slice(0, MAX_NAMED).join(', ')}${more}`;
  return finding({
    resource,
    class: 'undo',
    kind: 'changed-since',
    expected: textSide('no row of somebody else that refers to what is undone'),
    found: sideOf(before),
    impossible: ['rerun', 'happened'],
    difference: `${by} it would be deleted or changed together with ${named}`,
    advice:
      `Somebody has put it there, or changed it. skip keeps it, and so ${named}, which the report names; ` +
      'overwrite lets it go along: the record of the undoing has what it was.',
  });
}

/** A row that this role does not see, in a table that may hide it. */
export function hiddenRowFinding(record: StepRecord, resource: string, after: ResourceState): Finding {
  return finding({
    resource,
    class: 'undo',
    kind: 'unreadable',
    expected: { ...sideOf(after), text: `as step ${record.stepId} left it: ${sideOf(after).text}` },
    found: textSide('not to be seen: the table may hide rows from this role (row level security, or a view)'),
    recorded: entryOf(record, resource, after),
    impossible: ['rerun', 'happened', 'overwrite'],
    advice:
      'Let the role of the worker see all rows of the table, then answer recheck. ' +
      'skip leaves the row as it is, whatever it is, and the report names it.',
  });
}

/** A file whose content before the step is not in the store any more, or damaged there. */
export function lostContentFinding(
  record: StepRecord,
  { resource, before, found }: { readonly resource: string; readonly before: FileState; readonly found: FileState },
): Finding {
  return finding({
    resource,
    class: 'undo',
    kind: 'blob-damaged',
    expected: sideOf(before),
    found: sideOf(found),
    recorded: entryOf(record, resource, found),
    impossible: ['rerun', 'happened', 'overwrite'],
    advice:
      `What it held before step ${record.stepId} is lost or damaged in .holdfast/blobs: ${sideOf(before).text}. ` +
      'Put that blob back from a copy of the .holdfast folder, then answer recheck.',
  });
}

/** The step's own compensation fails, or this worker has no code for it. */
export function compensationFailedFinding(stepId: string, cause: StuckCause): Finding {
  return finding({
    ...undoingFields(stepId, cause),
    resource: `step:${stepId}`,
    kind: 'compensation-failed',
    advice: adviceAfter(
      cause,
      'skip leaves the own compensation of the step out, what it had staged is undone all the same.',
    ),
  });
}

/** The undoing of what the step had staged can't go on. */
export function undoingStuckFinding(stepId: string, cause: StuckCause, kind: StuckKind): Finding {
  return finding({
    ...undoingFields(stepId, cause),
    resource: `undo:${stepId}`,
    kind,
    advice: kind === 'inputs-keep-changing' ? `${KEEPS_CHANGING}. ${AGAIN_OR_SKIP}` : adviceAfter(cause, SKIP_WHOLE),
  });
}

/** A call of the step in doubt, of which its compensation must know. */
export function undoneCallFinding(row: PerformRow): Finding {
  return finding({
    resource: resourceOfCall(row),
    class: 'undo',
    kind: 'outcome-unknown',
    impossible: ['overwrite', 'rerun'],
    expected: textSide('known, before the step is undone'),
    found: { digest: performDigest(row), text: `begun at ${row.at}; whether it happened is not known` },
    difference: [`idempotency key: ${row.key}`, 'what was about to be sent:', row.request.text].join('\n'),
    advice:
      'Find out on the other side whether it happened. happened: give its answer as result (null if it has none). ' +
      'skip: it counts as not made.',
  });
}

function undoingFields(
  stepId: string,
  cause: StuckCause,
): Pick<Finding, 'class' | 'expected' | 'found' | 'difference'> & { impossible: ['overwrite', 'happened'] } {
  return {
    class: 'undo',
    impossible: ['overwrite', 'happened'],
    expected: textSide(`step ${stepId} is undone`),
    ...causeFields(cause),
  };
}

const SKIP_WHOLE = 'skip leaves the whole step as it is.';
const AGAIN_OR_SKIP = `rerun tries again; ${SKIP_WHOLE}`;

function adviceAfter(cause: StuckCause, skip: string): string {
  return `${nextStepAfter(cause) ?? ''} rerun tries again; ${skip}`.trim();
}

function entryOf({ stepId, generation, seq, at }: StepRecord, resource: string, state: ResourceState): ManifestEntry {
  return { resource, digest: stateDigest(state), state, role: 'written', seq, at, stepId, generation };
}
