/** What `abort` with `compensate` would undo of one record, as far as the world is as the record has it. */
import type { UndoItem } from '../../model/job/undo.ts';
import type { UndoPreview } from '../../model/job/undo-preview.ts';
import { describeEffect } from '../../model/record/effect-text.ts';
import { uriOf, type Effect } from '../../model/record/effect.ts';
import type { NotUndone } from '../../model/record/intent.ts';
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
  const undone = effects.filter((effect) => !statements.includes(effect));
  const why = whyCallStays(compensates);
  return {
    stepId,
    generation,
    compensates,
    undoes: undone.map((effect) => uriOf(effect) ?? describeEffect(effect)),
    leaves: [...statements.map(statementStays), ...calls.map((row) => ({ what: resourceOfCall(row), why }))],
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

/** Newest first. */
function effectsInForce(ledger: Ledger, jobId: string, { stepId, generation, seq, skip }: UndoItem): readonly Effect[] {
  if (seq === null) return [];
  const record = ledger.stepRecord(tokenOf({ jobId, stepId, generation }))?.record;
  const applied = (record?.effects ?? []).flatMap(({ effect, outcome }, place) =>
    outcome === 'applied' && effect.kind !== 'perform' && !skip.includes(place) ? [effect] : [],
  );
  return applied.reverse();
}

function statementStays(effect: Effect): NotUndone {
  return { what: describeEffect(effect), why: 'the statement has no undo' };
}

function whyCallStays(compensates: Compensates): string {
  return compensates === null
    ? 'a call cannot be undone by itself; whether the step has a compensation is not known here'
    : 'a call cannot be undone by itself, and the step has no compensation';
}
