/**
 * The scheduler of a plan: what runs when, and what becomes void when a step runs again. It knows no Temporal: the
 * Workflow `agentJob` and the test kit give it a `PlanJob`.
 *
 * Invariants
 * 1. All steps of a super-step start at once, in plan order; a barrier follows. A finished step's result counts also
 *    when another step of its super-step fails.
 * 2. When a step is rewound, every step that depends on it is void too and runs again. When an item of a list is, the
 *    list is void, and of its items that one alone; when a round is, those after it are void, too.
 * 3. Deterministic: no clock, no randomness, no order but the plan's.
 */
import type { JsonObject } from '../../canonical-json.ts';
import { HoldfastError } from '../../failure.ts';
import { defined } from '../../defined.ts';
import { itemPlaceOf, planStepOf } from '../../item-id.ts';
import { someOf } from '../../list.ts';
import { dependentsOf, nextSuperStep, planGraph, type PlanGraph } from '../graph/graph.ts';
import type { NodeWrites } from '../../state/state-write.ts';
import { isApart } from '../plan-step.ts';
import type { Plan } from '../plan.ts';
import { DoneItems } from './done-items.ts';
import { DoneSteps } from './done-steps.ts';
import { FoldedState } from './folded-state.ts';
import type { PlanJob, StepEnd } from './plan-job.ts';
import { adoptProgress, progressOf, type PlanProgress, type PlanResult } from './progress.ts';
import type { SuperStep } from './step-input.ts';
import { runStep, type StepOutcome } from './step-run.ts';

/**
 * Runs a plan to its end.
 * @param input the job's input, checked and completed by `parseInput`
 * @param from progress to go on from; its steps are not run again
 * @throws what `job.step` rejects with (the first in plan order, after all siblings have ended), what `onSuperStepEnd`
 *   throws, `bad-plan`, `bad-input` for progress that does not belong to the plan, and failures of a stuck step
 */
export async function runPlan(plan: Plan, input: JsonObject, job: PlanJob, from?: PlanProgress): Promise<PlanResult> {
  const run = new PlanRun(plan, input, job, from);
  while (await run.superStep());
  return run.result();
}

class PlanRun {
  readonly #plan: Plan;
  readonly #input: JsonObject;
  readonly #job: PlanJob;
  readonly #graph: PlanGraph;
  readonly #done: DoneSteps;
  readonly #items: DoneItems;
  readonly #folded: FoldedState;
  #rewoundSinceBarrier = new Set<string>();

  constructor(plan: Plan, input: JsonObject, job: PlanJob, from: PlanProgress | undefined) {
    this.#plan = plan;
    this.#input = input;
    this.#job = job;
    this.#graph = planGraph(plan);
    this.#folded = new FoldedState(plan, this.#graph, job);
    const adopted = from === undefined ? undefined : adoptProgress(plan, this.#graph, from);
    this.#done = adopted?.done ?? new DoneSteps();
    this.#items = adopted?.items ?? new DoneItems();
    job.onState?.(() => this.#folded.state, {
      isDone: (stepId) => this.#done.has(stepId),
      trial: (stepId, putIn) => this.#folded.trial(this.#done, stepId, putIn),
    });
    if (job.notedSuperStep !== undefined && from?.leftOut === undefined) this.#passOverWhatIsNoted();
  }

  /** What earlier Runs had folded: they have told it. */
  #passOverWhatIsNoted(): void {
    this.#folded.fold(this.#done);
    this.#folded.writes.take();
  }

  /** Runs one super-step and its barrier. False when nothing remains to run. */
  async superStep(): Promise<boolean> {
    this.#drainRewound();
    const foldFailure = this.#folded.fold(this.#done);
    if (foldFailure !== undefined) {
      await this.#stuck(String(foldFailure.details['stepId']), foldFailure);
      return true;
    }
    const ids = nextSuperStep(this.#graph, this.#done.outputs);
    if (ids.length === 0) return false;
    const { superStep } = this.#folded;
    const outcomes = await this.#runTogether(ids);
    for (const outcome of outcomes) this.#note(outcome);
    const voided = this.#drainRewound();
    // The failure of a step that is void is void too.
    const inForce = outcomes.filter(({ id }) => !voided.has(id));
    const failed = inForce.filter((outcome) => outcome.kind === 'failed');
    // A fold that fails here fails again at the start of the next super-step, where it is dealt with.
    this.#folded.fold(this.#done);
    await this.#endSuperStep(superStep, ids, endsOf(outcomes, voided));
    const [first] = failed;
    if (first !== undefined) throw first.reason;
    for (const outcome of inForce) if (outcome.kind === 'stuck') await this.#stuck(outcome.id, outcome.failure);
    return true;
  }

  async #runTogether(ids: readonly string[]): Promise<readonly StepOutcome[]> {
    const underWay = new Set(ids.filter((id) => !isApart(this.#graph.steps.get(id)!)));
    const progress = (): PlanProgress => this.#progress;
    const superStep: SuperStep = {
      job: this.#job,
      graph: this.#graph,
      input: this.#input,
      state: this.#folded.state,
      plan: this.#plan,
      outputs: this.#done.outputs,
      skipped: this.#done.skipped,
      items: this.#items,
      ids,
      isPausing: () => {
        const pause = {
          isAlone: underWay.size === 0,
          get progress() {
            return progress();
          },
        };
        return this.#job.isPausing?.(pause) ?? false;
      },
    };
    return await Promise.all(
      ids.map(async (id) => {
        const outcome = await runStep(id, superStep);
        underWay.delete(id);
        return outcome;
      }),
    );
  }

  get #progress(): PlanProgress {
    return progressOf(this.#graph, this.#done, this.#items);
  }

  #note(outcome: StepOutcome): void {
    const { id, kind } = outcome;
    if (kind === 'skipped') this.#done.skip(id);
    else if (kind !== 'done') return;
    else if (outcome.rounds === undefined) this.#done.set(id, outcome.output);
    else this.#done.setRounds(id, outcome.rounds);
    this.#items.drop(id);
  }

  result(): PlanResult {
    const ids = this.#plan.steps.map(({ id }) => id);
    const outputs = ids.map((id) => [id, this.#done.outputs.get(id)!] as const);
    const skipped = someOf(ids.filter((id) => this.#done.skipped.has(id)));
    return { state: this.#folded.state, outputs: Object.fromEntries(outputs), ...defined({ skipped }) };
  }

  async #stuck(id: string, failure: HoldfastError): Promise<void> {
    if (this.#job.stuck === undefined || this.#graph.steps.get(id)?.onFailure === 'fail') throw failure;
    await this.#job.stuck(id, failure);
  }

  /** Voids what was rewound, and everything that depends on it; returns which steps that is. */
  #drainRewound(): ReadonlySet<string> {
    const rewoundIds = this.#job.rewound();
    const rewound = [...new Set(rewoundIds.map(planStepOf))];
    const unknown = rewound.find((id) => !this.#graph.steps.has(id));
    if (unknown !== undefined)
      throw new HoldfastError(
        'defect',
        `The job rewound "${unknown}", which is no step of the plan "${this.#plan.name}".`,
        { stepId: unknown },
      );
    const voided = new Set([...rewound, ...(rewound.length === 0 ? [] : dependentsOf(this.#graph, rewound))]);
    this.#voidItems(rewoundIds, voided);
    for (const id of voided) {
      this.#done.delete(id);
      this.#rewoundSinceBarrier.add(id);
      this.#folded.voidOutputOf(id);
    }
    return voided;
  }

  /** Of a list that is void as a whole every item; otherwise those that were rewound. */
  #voidItems(rewoundIds: readonly string[], voided: ReadonlySet<string>): void {
    const steps = new Set(rewoundIds.map(planStepOf));
    for (const id of voided) {
      const items = rewoundIds.filter((one) => planStepOf(one) === id).map(itemPlaceOf);
      const isWhole = !steps.has(id) || items.includes(undefined) || this.#isUserOfOne(id, steps);
      if (isWhole) this.#items.drop(id);
      else if (this.#graph.steps.get(id)!.until !== undefined)
        this.#items.voidFrom(id, Math.min(...(items as number[])), this.#done.roundsOf(id));
      else for (const place of items) this.#items.voidItem(id, place!, this.#done.outputs.get(id));
    }
  }

  /** Does the step depend on another one of these? */
  #isUserOfOne(id: string, steps: ReadonlySet<string>): boolean {
    const others = [...steps].filter((step) => step !== id);
    return others.length > 0 && dependentsOf(this.#graph, others).includes(id);
  }

  async #endSuperStep(superStep: number, ran: readonly string[], ends: ReadonlyMap<string, StepEnd>): Promise<void> {
    const rewoundIds = this.#rewoundSinceBarrier;
    this.#rewoundSinceBarrier = new Set();
    if (this.#job.onSuperStepEnd === undefined) return;
    const rewound =
      rewoundIds.size === 0 ? [] : this.#plan.steps.map(({ id }) => id).filter((id) => rewoundIds.has(id));
    const progress = (): PlanProgress => this.#progress;
    const { writes } = this.#folded;
    const waiting = (): readonly NodeWrites[] => this.#folded.waiting(this.#done);
    await this.#job.onSuperStepEnd({
      superStep,
      ran,
      failed: ran.filter((id) => ends.get(id)?.kind === 'failed'),
      ends,
      next: nextSuperStep(this.#graph, this.#done.outputs),
      rewound,
      get progress() {
        return progress();
      },
      state: this.#folded.state,
      get written() {
        return writes.take();
      },
      get waiting() {
        return waiting();
      },
      remaining: this.#plan.steps.length - this.#done.count,
    });
  }
}

function endsOf(outcomes: readonly StepOutcome[], voided: ReadonlySet<string>): ReadonlyMap<string, StepEnd> {
  return new Map(outcomes.map((outcome) => [outcome.id, voided.has(outcome.id) ? { kind: 'void' } : endOf(outcome)]));
}

function endOf(outcome: StepOutcome): StepEnd {
  const { kind } = outcome;
  if (kind === 'failed') return { kind, error: errorOf(outcome.reason) };
  return kind === 'stuck' ? { kind, error: errorOf(outcome.failure) } : { kind };
}

function errorOf(reason: unknown): NonNullable<StepEnd['error']> {
  if (!(reason instanceof Error)) return { type: 'Error', message: String(reason) };
  const type = 'type' in reason && typeof reason.type === 'string' ? reason.type : reason.name;
  return { type, message: reason.message };
}
