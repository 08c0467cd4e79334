/**
 * The state before the first super-step with something still to run, held so that folding costs the same at step
 * 1,000 as at step 10.
 */
import type { JsonObject } from '../../canonical-json.ts';
import { HoldfastError } from '../../failure.ts';
import type { StateChannels } from '../../state/state-channels.ts';
import type { PutIn } from '../../record/put-in.ts';
import type { NodeWrites } from '../../state/state-write.ts';
import { StateWrites } from '../../state/state-writes.ts';
import type { PlanGraph } from '../graph/graph.ts';
import { nextSuperStep } from '../graph/graph.ts';
import type { Plan } from '../plan.ts';
import type { DoneSteps } from './done-steps.ts';
import type { PlanJob } from './plan-job.ts';
import { stateChannels, writesOf, type FinishedStep } from './job-state.ts';

export class FoldedState {
  readonly #plan: Plan;
  readonly #graph: PlanGraph;
  readonly #job: Pick<PlanJob, 'maxStateBytes' | 'putIn'>;
  /** Of what is folded, since it was taken last. */
  readonly writes = new StateWrites();
  #superStep = 0;
  #channels: StateChannels;

  constructor(plan: Plan, graph: PlanGraph, job: Pick<PlanJob, 'maxStateBytes' | 'putIn'> = {}) {
    this.#plan = plan;
    this.#graph = graph;
    this.#job = job;
    this.#channels = this.#newChannels();
  }

  /** How many super-steps are folded. */
  get superStep(): number {
    return this.#superStep;
  }

  get state(): JsonObject {
    return this.#channels.values;
  }

  /** What was folded from a void output is void as well. */
  voidOutputOf(stepId: string): void {
    if (this.#graph.superStepOf.get(stepId)! >= this.#superStep) return;
    this.#superStep = 0;
    this.#channels = this.#newChannels();
    this.writes.restart();
  }

  /**
   * Folds what is finished, up to the first super-step with something still to run. Returns what stands in the way: the
   * state then stays at the last super-step that could be folded.
   */
  fold(done: DoneSteps): HoldfastError | undefined {
    const [next] = nextSuperStep(this.#graph, done.outputs);
    const end = next === undefined ? this.#graph.superSteps.length : this.#graph.superStepOf.get(next)!;
    while (this.#superStep < end) {
      try {
        const writes = writesOf(this.#plan, this.#finished(done));
        this.writes.add(this.#channels.fold(writes));
      } catch (failure) {
        if (failure instanceof HoldfastError && typeof failure.details['stepId'] === 'string') return failure;
        throw failure;
      }
      this.#superStep += 1;
    }
    return undefined;
  }

  /**
   * What the steps of a super-step have written that are done while a sibling is not: it joins the state together with
   * the sibling's. Of one whose output can't be taken, nothing.
   */
  waiting(done: DoneSteps): readonly NodeWrites[] {
    return this.#finished(done).flatMap((step) => {
      try {
        return writesOf(this.#plan, [step]);
      } catch {
        return [];
      }
    });
  }

  /** The state after a step's super-step, if the step came to this. @throws HoldfastError as `foldState` */
  trial(done: DoneSteps, stepId: string, putIn: PutIn): JsonObject {
    const channels = this.#newChannels();
    const last = this.#graph.superStepOf.get(stepId)!;
    for (let superStep = 0; superStep <= last; superStep++) {
      const others = this.#finished(done, superStep).filter((step) => step.stepId !== stepId);
      const finished = superStep === last ? [...others, { stepId, ...putIn }] : others;
      channels.fold(writesOf(this.#plan, finished));
    }
    return channels.values;
  }

  #newChannels(): StateChannels {
    const { maxStateBytes } = this.#job;
    return stateChannels(this.#plan, { maxBytes: maxStateBytes && (() => this.#job.maxStateBytes!()) });
  }

  /** Default: of the super-step that is folded next. */
  #finished(done: DoneSteps, superStep = this.#superStep): readonly FinishedStep[] {
    const ids = this.#graph.superSteps[superStep] ?? [];
    return ids.flatMap((stepId) => {
      const { values } = this.#job.putIn?.(stepId) ?? {};
      return done.foldedOf(stepId).map((output) => ({ stepId, output, values }));
    });
  }
}
