/** What an undoing does not put back, each with the reason. */
import { describeEffect } from '../../model/record/effect-text.ts';
import { uriOf } from '../../model/record/effect.ts';
import type { NotUndone } from '../../model/record/intent.ts';
import type { PerformRow } from '../../store/ledger/perform-row.ts';
import type { UndoRuling } from '../../store/ledger/undo-rulings.ts';
import { resourceOfCall } from '../question/kept-calls.ts';
import { isInDoubt } from './plan/undone-calls.ts';
import type { UndoneStep } from './undone-step.ts';

/** A person decided that nothing of the step is undone. */
export function wholeStepNotUndone(step: UndoneStep, ruling: UndoRuling): readonly NotUndone[] {
  const { stepId, record, calls } = step;
  const effects = (record?.effects ?? []).filter(
    ({ effect, outcome }) => outcome === 'applied' && effect.kind !== 'perform',
  );
  return [
    ...effects.map(({ effect }) => ({
      what: uriOf(effect) ?? describeEffect(effect),
      why: `step ${stepId} stays as it is`,
    })),
    ...calls.map(callNotUndone),
    { what: `step:${stepId}`, why: `it stays as it is, ${asDecided(ruling)}` },
  ];
}

/** A person decided that the step's own compensation does not run. */
export function compensationNotRun(stepId: string, ruling: UndoRuling): NotUndone {
  return { what: `step:${stepId}`, why: `its own compensation was skipped, ${asDecided(ruling)}` };
}

export function callNotUndone(row: PerformRow): NotUndone {
  const doubt = isInDoubt(row) ? 'whether it happened is not known; ' : '';
  const why = 'a call cannot be undone by itself, and no compensation of the step has seen to it';
  return { what: resourceOfCall(row), why: `${doubt}${why} (idempotency key ${row.key})` };
}

function asDecided({ by, reason }: UndoRuling): string {
  return `as ${by} decided: ${reason}`;
}
