/** The failure that an undone job ends with: who aborted it and why, what was undone, and what was not. */
import { ApplicationFailure } from '@temporalio/workflow';
import { defined } from '../../model/defined.ts';
import type { UndoReport } from '../../model/job/undo.ts';
import type { Undoing } from '../state/ending.ts';
import type { ReadyUndo } from './gate.ts';

const MAX_NOT_UNDONE_SHOWN = 5;
const MAX_STEPS_SHOWN = 10;

/** How far the undoing has come, by the last result of `beginUndo`. */
export type UndoProgress = Pick<ReadyUndo, 'report' | 'items' | 'total'>;

/** @param stopped why it was not undone to the end; undefined: it was */
export function undoFailure(
  { by, reason, question, notes }: Undoing,
  progress: UndoProgress,
  stopped: ApplicationFailure | undefined,
): ApplicationFailure {
  const { report, items } = progress;
  const untouched = [...new Set(items.map(({ stepId }) => stepId))];
  const end = stopped === undefined ? '' : endText(stopped, untouched, progress.total);
  const sentence = /[.!?]$/.test(reason) ? reason : `${reason}.`;
  return ApplicationFailure.create({
    message: `Aborted by ${by}: ${sentence} ${undoneText(report)}${notUndoneText(report)}${end}`,
    type: 'aborted',
    nonRetryable: true,
    details: [
      {
        question,
        notes: [...notes],
        undone: {
          ...report,
          isComplete: stopped === undefined,
          ...defined({ untouched: stopped === undefined ? undefined : untouched }),
        },
      },
    ],
  });
}

function undoneText({ steps, subSteps = 0, effects }: UndoReport): string {
  const what = effects === '' ? '' : ` (${effects})`;
  const counts = [
    ...(steps === 0 && subSteps > 0 ? [] : [`${steps} ${steps === 1 ? 'step' : 'steps'}`]),
    ...(subSteps === 0 ? [] : [`${subSteps} ${subSteps === 1 ? 'sub-step' : 'sub-steps'}`]),
  ];
  return `Undone: ${counts.join(' and ')}${what}.`;
}

function notUndoneText({ left, leftTotal }: UndoReport): string {
  if (leftTotal === 0) return '';
  const shown = left.slice(0, MAX_NOT_UNDONE_SHOWN).map(({ what, why }) => `${what} (${why})`);
  const more = leftTotal > MAX_NOT_UNDONE_SHOWN ? `; and ${leftTotal - MAX_NOT_UNDONE_SHOWN} more` : '';
  return ` Not undone: ${shown.join('; ')}${more}.`;
}

function endText(stopped: ApplicationFailure, untouched: readonly string[], total: number): string {
  const end = ` It was not undone to the end: ${stopped.message}.`;
  if (total === 0) return end;
  const more = total > MAX_STEPS_SHOWN ? ', …' : '';
  return `${end} Left as they are: ${untouched.slice(0, MAX_STEPS_SHOWN).join(', ')}${more}.`;
}
