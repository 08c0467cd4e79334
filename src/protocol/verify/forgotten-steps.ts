/**
 * Records in force that another Run of the job made and that this one has forgotten: its Workflow was reset. Reads each
 * record of the chain once, in order. Besides, what it takes for done and a decision that it has forgotten took back:
 * how far it knows the record says nothing of that, since a later decision tells it of a later place.
 */
import type { VerifyWorldRequest } from '../../model/job/verify-world.ts';
import type { ChainRecord, DecisionRecord, StepRecord } from '../../model/record/record.ts';
import { isPartOf, requestedStepOf } from '../../model/sub-step-id.ts';
import type { ForgottenRerun, ForgottenUndoing } from '../question/reset.ts';

/** What the Workflow knows of the chain. */
export type KnownSteps = Pick<VerifyWorldRequest, 'base' | 'holds' | 'steps'> &
  Partial<Pick<VerifyWorldRequest, 'known'>>;

export class ForgottenSteps {
  readonly #runId: string;
  readonly #isKnown: (seq: number) => boolean;
  /** How a Workflow before 0.2.0 says which decisions it knows. */
  readonly #knownTo: number;
  #hasForgottenReruns = false;
  readonly #ahead = new Map<string, StepRecord>();
  readonly #adopted = new Set<number>();
  /** The latest record of each step that the Workflow has. */
  readonly #held = new Map<string, StepRecord>();
  readonly #takenBack = new Map<string, ForgottenRerun>();
  #undoing: (ForgottenUndoing & { readonly undone: string[] }) | undefined;

  constructor(request: KnownSteps, runId: string) {
    this.#runId = runId;
    this.#isKnown = knownSeqs(request);
    this.#knownTo = request.steps === undefined ? 0 : (request.known?.seq ?? 0);
  }

  read(record: ChainRecord): void {
    if (record.kind === 'undoing') this.#undoing = { record, undone: [] };
    if (record.kind === 'undone') this.#undoing?.undone.push(record.stepId);
    if (record.kind === 'decision') this.#readDecision(record);
    if (record.kind === 'step') this.#readStep(record);
  }

  /** The job was aborted, and is being undone, or was. */
  get undoing(): ForgottenUndoing | undefined {
    return this.#undoing;
  }

  /** Was a decision read that this Workflow has not heard of, and that makes steps run again? */
  get hasForgottenReruns(): boolean {
    return this.#hasForgottenReruns;
  }

  /** Steps whose results the Workflow has, and that a decision which it does not know of made run again. */
  get takenBack(): readonly ForgottenRerun[] {
    return [...this.#takenBack.values()];
  }

  records(): readonly StepRecord[] {
    const ahead = [...this.#ahead.values()].filter(({ seq }) => !this.#adopted.has(seq));
    // The last record of a step stands for those of its sub-steps.
    return [...new Map(ahead.map((record) => [requestedStepOf(record.stepId), record])).values()];
  }

  /** A step's record is adopted with those of its sub-steps before it. */
  #adopt(seq: number): void {
    this.#adopted.add(seq);
    const adopted = [...this.#ahead.values()].find((record) => record.seq === seq);
    if (adopted === undefined) return;
    const requested = requestedStepOf(adopted.stepId);
    for (const record of this.#ahead.values())
      if (record.seq < seq && isPartOf(record.stepId, requested)) this.#adopted.add(record.seq);
  }

  #forgetPartsOf(requestedId: string): void {
    // Most jobs have nothing ahead.
    if (this.#ahead.size === 0) return;
    for (const stepId of this.#ahead.keys()) if (isPartOf(stepId, requestedId)) this.#ahead.delete(stepId);
  }

  #readDecision(decision: DecisionRecord): void {
    const { runId, adopts, reruns, rebuilds, seq: decidedAt } = decision;
    const isHeardOf = runId === this.#runId || decidedAt <= this.#knownTo || this.#isKnown(decidedAt);
    // Who had the record made anew knows all that it was made of.
    if (isHeardOf && rebuilds !== undefined) this.#takenBack.clear();
    if (!isHeardOf && reruns.length > 0) this.#hasForgottenReruns = true;
    for (const { stepId } of isHeardOf ? [] : reruns) {
      const record = this.#held.get(stepId);
      if (record !== undefined) this.#takenBack.set(stepId, { record, decision });
    }
    // Another Run's decision to adopt them is forgotten with the rest.
    if (runId === this.#runId) for (const seq of adopts) this.#adopt(seq);
    for (const { stepId } of reruns) this.#forgetPartsOf(stepId);
  }

  #readStep(record: StepRecord): void {
    this.#ahead.delete(record.stepId);
    if (this.#isKnown(record.seq)) {
      this.#held.set(record.stepId, record);
      this.#takenBack.delete(record.stepId);
    }
    // The Workflow knows of sub-steps with their step.
    if (this.#isKnown(record.seq)) this.#forgetPartsOf(record.stepId);
    if (!this.#isKnown(record.seq) && record.runId !== this.#runId) this.#ahead.set(record.stepId, record);
  }
}

/** Which records the Workflow holds; asked for in rising order. */
function knownSeqs({ base, holds = [], steps = [] }: KnownSteps): (seq: number) => boolean {
  const listed = new Set(steps.map(([, , seq]) => seq));
  let place = 0;
  return (seq) => {
    if (seq <= base.seq || listed.has(seq)) return true;
    while (place < holds.length && holds[place]![1] < seq) place += 1;
    return place < holds.length && holds[place]![0] <= seq;
  };
}
