/**
 * What nothing undoes where steps run again: calls, which keep their recorded answers; statements without an undo, and
 * sub-plans, which run a second time and which a person must name. Everything else that a step does is undone first.
 */
import type { Digest } from '../../model/digest.ts';
import type { Effect } from '../../model/record/effect.ts';
import type { StepRecord } from '../../model/record/record.ts';
import { tokenOf } from '../../model/record/token.ts';
import { statementsOf, subPlanOf, type UnrepeatableStep } from '../../model/question/unrepeatable.ts';
import { endPlanStep } from '../../model/step/built-in/plan-run.ts';
import { requestedStepOf } from '../../model/sub-step-id.ts';
import type { IntentRow } from '../../store/ledger/intents.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { RecordedSubStep } from '../../store/ledger/records.ts';
import { isKept, resourceOfCall } from './kept-calls.ts';

const MAX_TEXT_CHARACTERS = 200;
/** Of a step whose record was lost. */
const NOT_TOLD = 'what it did: its record was made anew from the history, which does not tell it';

/**
 * Of one job, as its ledger is now: for one question, under the lock. What a step has is looked up once, for a question
 * may name the same hundreds of steps in each of hundreds of findings.
 */
export class WhatStays {
  readonly #ledger: Ledger;
  readonly #jobId: string;
  readonly #statements = new Map<string, readonly UnrepeatableStep[]>();
  #calls: ReadonlyMap<string, readonly string[]> | undefined;
  #recorded: ReadonlyMap<string, readonly RecordedSubStep[]> | undefined;
  #open: ReadonlyMap<string, readonly IntentRow[]> | undefined;

  constructor(ledger: Ledger, jobId: string) {
    this.#ledger = ledger;
    this.#jobId = jobId;
  }

  /** Calls of these steps and of their sub-steps that keep their answers, by name of the resource. */
  calls(stepIds: readonly string[]): string[] {
    this.#calls ??= grouped(
      this.#ledger.performsInForce(this.#jobId).filter(isKept),
      (row) => row.stepId,
      resourceOfCall,
    );
    const calls = this.#calls;
    return stepIds.flatMap((stepId) => calls.get(stepId) ?? []);
  }

  /** Of these steps, those that have applied such statements. */
  statements(stepIds: readonly string[]): UnrepeatableStep[] {
    return [...new Set(stepIds)].flatMap((stepId) => this.#statementsOf(stepId));
  }

  #statementsOf(stepId: string): readonly UnrepeatableStep[] {
    const known = this.#statements.get(stepId);
    if (known !== undefined) return known;
    if (this.#hasRunPlan(stepId)) {
      const ran = [{ name: subPlanOf(stepId), text: 'the job of its sub-plan, which has ended' }];
      this.#statements.set(stepId, ran);
      return ran;
    }
    const [first, ...more] = this.#textsOf(stepId);
    const suffix = more.length === 0 ? '' : ` (and ${more.length} more)`;
    const found =
      first === undefined
        ? []
        : [{ name: statementsOf(stepId), text: `${first.slice(0, MAX_TEXT_CHARACTERS)}${suffix}` }];
    this.#statements.set(stepId, found);
    return found;
  }

  /** Has the step a record that says what the job of its sub-plan has come to? */
  #hasRunPlan(stepId: string): boolean {
    const generation = this.#ledger.generations.highest(this.#jobId, stepId) ?? 0;
    const recorded = this.#ledger.stepRecord(tokenOf({ jobId: this.#jobId, stepId, generation }));
    return recorded?.record.step === endPlanStep.name;
  }

  #textsOf(stepId: string): readonly string[] {
    const generation = this.#ledger.generations.highest(this.#jobId, stepId) ?? 0;
    return [tokenOf({ jobId: this.#jobId, stepId, generation }), ...this.#subStepTokens(stepId, generation)].flatMap(
      (token) => statementsThatStay(this.#ledger, token),
    );
  }

  /** Of those that are recorded, or half applied. */
  #subStepTokens(requestedId: string, generation: number): readonly Digest[] {
    this.#open ??= grouped(
      this.#ledger.openIntents(this.#jobId),
      ({ intent }) => intent.stepId,
      (row) => row,
    );
    const open = (this.#open.get(requestedId) ?? []).flatMap(({ intent }) =>
      intent.stepId !== requestedId && intent.generation === generation ? [intent.token] : [],
    );
    this.#recorded ??= grouped(
      this.#ledger.recordedSubSteps(this.#jobId),
      ({ stepId }) => stepId,
      (row) => row,
    );
    const recorded = (this.#recorded.get(requestedId) ?? []).flatMap((one) =>
      one.generation === generation ? [one.token] : [],
    );
    return [...new Set([...recorded, ...open])];
  }
}

/** By the step that the Workflow requests. */
function grouped<Row, Value>(
  rows: readonly Row[],
  stepIdOf: (row: Row) => string,
  valueOf: (row: Row) => Value,
): ReadonlyMap<string, readonly Value[]> {
  const groups = new Map<string, Value[]>();
  for (const row of rows) {
    const requested = requestedStepOf(stepIdOf(row));
    const group = groups.get(requested);
    if (group === undefined) groups.set(requested, [valueOf(row)]);
    else group.push(valueOf(row));
  }
  return groups;
}

function statementsThatStay(ledger: Ledger, token: Digest): readonly string[] {
  const recorded = ledger.stepRecord(token)?.record;
  if (recorded?.rebuilt === true) return [NOT_TOLD];
  return appliedEffects(ledger, token, recorded).flatMap((effect) =>
    effect.kind === 'sql' && effect.undo === undefined ? [effect.text] : [],
  );
}

/** Recorded, or half applied: whether a database has committed already only its token row says. */
function appliedEffects(ledger: Ledger, token: Digest, recorded: StepRecord | undefined): readonly Effect[] {
  if (recorded !== undefined)
    return recorded.effects.filter(({ outcome }) => outcome === 'applied').map(({ effect }) => effect);
  const row = ledger.intent(token);
  if (row?.state !== 'applying') return [];
  const marks = ledger.effectMarks(token);
  return row.intent.effects.filter((_, index) => marks.get(index)?.outcome !== 'skipped');
}
