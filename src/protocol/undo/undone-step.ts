/** What the ledger has of the step that is undone. */
import { invariant } from '../../model/invariant.ts';
import type { UndoStepRequest } from '../../model/job/undo.ts';
import type { StepRecord } from '../../model/record/record.ts';
import { tokenOf, undoTokenOf } from '../../model/record/token.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { PerformRow } from '../../store/ledger/perform-row.ts';
import type { UndoRuling } from '../../store/ledger/undo-rulings.ts';
import { argumentsOf, type StepArguments } from './plan/step-arguments.ts';
import { callsOf } from './plan/undone-calls.ts';

export interface UndoneStep {
  readonly stepId: string;
  readonly generation: number;
  /** The step's, not the undoing's. */
  readonly token: string;
  /** Undefined: the step was not finished, and only calls of it were made. */
  readonly record: StepRecord | undefined;
  /** Of all generations. */
  readonly calls: readonly PerformRow[];
  /** What persons decided about resources that the job's undoing found. */
  readonly rulings: readonly UndoRuling[];
  readonly arguments: StepArguments | undefined;
}

export function readUndoneStep(ledger: Ledger, request: UndoStepRequest): UndoneStep {
  const { jobId, stepId, generation, seq } = request;
  const token = tokenOf(request);
  const record = seq === null ? undefined : ledger.stepRecord(token)?.record;
  invariant(seq === null || record !== undefined, `the record of step ${stepId} that is undone is in the ledger`);
  return {
    stepId,
    generation,
    token,
    record,
    calls: callsOf(ledger, jobId, stepId),
    rulings: ledger.rulings.all(jobId),
    arguments: argumentsOf(ledger, token),
  };
}

/** What a person decided about this undoing as a whole, or about the step's compensation. */
export function rulingOnUndoing({ token, rulings }: UndoneStep, resource: string): UndoRuling | undefined {
  const undoToken = undoTokenOf(token);
  return rulings.find((one) => one.token === undoToken && one.resource === resource);
}
