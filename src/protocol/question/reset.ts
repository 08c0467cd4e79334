/** What the ledger has and a Workflow that was reset has forgotten: steps in force, and an undoing that has begun. */
import { requestedStepOf } from '../../model/sub-step-id.ts';
import type { Finding } from '../../model/question/finding.ts';
import type { ManifestEntry } from '../../model/record/manifest.ts';
import type { DecisionRecord, StepRecord, UndoingRecord } from '../../model/record/record.ts';
import { ABSENT } from '../../model/record/world.ts';
import { againText } from '../../model/record/try-text.ts';
import { clipped, finding, textSide } from './finding.ts';
import { LEDGER } from './ledger.ts';

const MAX_OUTPUT_CHARACTERS = 1_000;

/** A job that is being undone, or was: its record, and the steps that are undone since. */
export interface ForgottenUndoing {
  readonly record: UndoingRecord;
  readonly undone: readonly string[];
}

/** A step that a Workflow takes for done, and the decision that took it back. */
export interface ForgottenRerun {
  readonly record: StepRecord;
  readonly decision: DecisionRecord;
}

/** A step in force that another Run of the job did. */
export function aheadFinding(record: StepRecord): Finding {
  const { stepId, generation, seq, runId } = record;
  const requested = requestedStepOf(stepId);
  const others = requested === stepId ? '' : `, with all sub-steps before it in step ${requested}`;
  const output = JSON.stringify(record.output).slice(0, MAX_OUTPUT_CHARACTERS);
  return finding({
    resource: `step:${stepId}`,
    class: 'ahead',
    kind: 'ahead-after-reset',
    expected: textSide('not yet run: the Workflow was reset to before it'),
    found: {
      digest: record.intent,
      text: `done already${againText(generation)}${others} (record ${seq}, in Run ${runId})`,
    },
    recorded: entryOf(record),
    rerunSteps: [requested],
    difference: `it returned ${output}`,
  });
}

/** Steps whose results the Workflow has are undone, or about to be: nothing may go on from there. */
export function undoneAfterResetFinding({ record, undone }: ForgottenUndoing): Finding {
  const { seq, by, reason } = record;
  const names = undone.length === 0 ? 'nothing yet' : undone.join(', ');
  return finding({
    resource: LEDGER,
    class: 'ahead',
    kind: 'undone-after-reset',
    impossible: ['keep', 'undo'],
    expected: textSide('a job that goes on'),
    found: textSide(clipped(`since record ${seq} the job is being undone (${by}: ${reason}); undone: ${names}`)),
    advice:
      'The Workflow was reset to before it was aborted. Steps that it takes for done are undone, so it cannot go on ' +
      'from here. abort with compensate undoes the rest; start a new job then.',
  });
}

/** The result that the Workflow has of the step rests on nothing any more: nothing may go on from it. */
export function takenBackAfterResetFinding({ record, decision }: ForgottenRerun): Finding {
  const { stepId, generation, seq } = record;
  const { by, reason, seq: decidedAt } = decision;
  return finding({
    resource: `step:${stepId}`,
    class: 'ahead',
    kind: 'undone-after-reset',
    impossible: ['keep', 'undo'],
    expected: textSide(`done${againText(generation)} (record ${seq}), as the Workflow has it`),
    found: textSide(clipped(`taken back: record ${decidedAt} has made it run again (${by}: ${reason})`)),
    recorded: entryOf(record),
    advice:
      `The Workflow was reset to before that decision, and takes step ${stepId} for done. Reset it to before step ` +
      `${stepId}: then the step runs again, as was decided. Or abort.`,
  });
}

function entryOf({ stepId, generation, intent, seq, at }: StepRecord): ManifestEntry {
  return { resource: `step:${stepId}`, digest: intent, state: ABSENT, role: 'written', seq, at, stepId, generation };
}
