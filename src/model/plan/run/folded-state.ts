/**
 * The state before the first super-step with something still to run, held so that folding costs the same at step
 * 1,000 as at step 10.
 */
import type { Json, JsonObject } from '../../canonical-json.ts';
import { HoldfastError } from '../../failure.ts';
import type { PlanGraph } from '../graph/graph.ts';
import { nextSuperStep } from '../graph/graph.ts';
import type { Plan } from '../plan.ts';
import { foldState, initialState } from './job-state.ts';

export class FoldedState {
  readonly #plan: Plan;
  readonly #graph: PlanGraph;
  #superStep = 0;
  #state: JsonObject;

  constructor(plan: Plan, graph: PlanGraph) {
    this.#plan = plan;
    this.#graph = graph;
    this.#state = initialState(plan);
  }

  /** How many super-steps are folded. */
  get superStep(): number {
    return this.#superStep;
  }

  get state(): JsonObject {
    return this.#state;
  }

  /** What was folded from a void output is void as well. */
  voidOutputOf(stepId: string): void {
    if (this.#graph.superStepOf.get(stepId)! >= this.#superStep) return;
    this.#superStep = 0;
    this.#state = initialState(this.#plan);
  }

  /**
   * Folds what is finished, up to the first super-step with something still to run. Returns what stands in the way: the
   * state then stays at the last super-step that could be folded.
   */
  fold(outputs: ReadonlyMap<string, Json>): HoldfastError | undefined {
    const [next] = nextSuperStep(this.#graph, outputs);
    const end = next === undefined ? this.#graph.superSteps.length : this.#graph.superStepOf.get(next)!;
    while (this.#superStep < end) {
      const ids = this.#graph.superSteps[this.#superStep]!;
      const finished = ids.map((stepId) => ({ stepId, output: outputs.get(stepId)! }));
      try {
        this.#state = foldState(this.#plan, this.#state, finished);
      } catch (failure) {
        if (failure instanceof HoldfastError && typeof failure.details['stepId'] === 'string') return failure;
        throw failure;
      }
      this.#superStep += 1;
    }
    return undefined;
  }
}
