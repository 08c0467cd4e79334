/** What `abort` with `compensate` would undo of one record, as far as the world is as the record has it. */
import type { UndoItem } from '../../model/job/undo.ts';
import type { UndoPreview } from '../../model/job/undo-preview.ts';
import { describeEffect } from '../../model/record/effect-text.ts';
import { inUndoOrder, uriOf, type Effect } from '../../model/record/effect.ts';
import type { NotUndone } from '../../model/record/intent.ts';
import { whyNotJoined } from '../../model/record/other-names.ts';
import type { StepRecord } from '../../model/record/record.ts';
import { tokenOf } from '../../model/record/token.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { resourceOfCall } from '../question/kept-calls.ts';
import { callsOf } from '../undo/plan/undone-calls.ts';
import type { KnownSteps } from '../undo/plan/plan.ts';

type Compensates = UndoPreview['compensates'];

/** `steps`: the code that is known here. */
export function previewUndo(ledger: Ledger, jobId: string, item: UndoItem, steps: KnownSteps): UndoPreview {
  const { stepId, generation } = item;
  const compensates = compensationOf(item, steps);
  const effects = effectsInForce(ledger, jobId, item);
  // A compensation sees to what cannot be undone by itself.
  const statements = compensates === true ? [] : effects.filter(hasNoUndo);
  const calls = compensates === true || !item.compensates ? [] : callsOf(ledger, jobId, stepId);
  const unrecorded = compensates === true ? [] : (recordOf(ledger, jobId, item)?.unrecorded ?? []);
  const undone = effects.filter((effect) => !statements.includes(effect));
  const why = whyCallStays(compensates);
  return {
    stepId,
    generation,
    compensates,
    undoes: undone.map((effect) => uriOf(effect) ?? describeEffect(effect)),
    leaves: [
      ...statements.map(statementStays),
      ...effects.flatMap(othersStay),
      ...unrecorded,
      ...calls.map((row) => ({ what: resourceOfCall(row), why })),
    ],
  };
}

function hasNoUndo(effect: Effect): boolean {
  return effect.kind === 'sql' && effect.undo === undefined;
}

/** Null: the step's code is not known here. */
function compensationOf({ compensates, step }: UndoItem, steps: KnownSteps): Compensates {
  if (!compensates) return false;
  const implementation = steps.get(step);
  return implementation === undefined ? null : implementation.compensate !== undefined;
}

/** In the order of undoing. */
function effectsInForce(ledger: Ledger, jobId: string, item: UndoItem): readonly Effect[] {
  const placed = (recordOf(ledger, jobId, item)?.effects ?? []).map((one, place) => ({ ...one, place }));
  return inUndoOrder(placed).flatMap(({ effect, outcome, place }) =>
    outcome === 'applied' && effect.kind !== 'perform' && !item.skip.includes(place) ? [effect] : [],
  );
}

function recordOf(ledger: Ledger, jobId: string, { stepId, generation, seq }: UndoItem): StepRecord | undefined {
  return seq === null ? undefined : ledger.stepRecord(tokenOf({ jobId, stepId, generation }))?.record;
}

function statementStays(effect: Effect): NotUndone {
  return { what: describeEffect(effect), why: 'the statement has no undo' };
}

function othersStay(effect: Effect): readonly NotUndone[] {
  const why = whyNotJoined(effect);
  return why === undefined ? [] : [{ what: uriOf(effect)!, why }];
}

function whyCallStays(compensates: Compensates): string {
  return compensates === null
    ? 'a call cannot be undone by itself; whether the step has a compensation is not known here'
    : 'a call cannot be undone by itself, and the step has no compensation';
}
