/**
 * The scheduler of a plan: what runs when, with which input, and what becomes void when a step runs again. It knows no
 * Temporal: the Workflow `agentJob` and the test kit give it a `PlanJob`.
 *
 * Invariants
 * 1. All steps of a super-step start at once, in plan order; a barrier follows. A finished step's result is kept when
 *    another of its super-step fails.
 * 2. A step sees the state of the super-steps before its own and nothing later, also when it runs again. So every input
 *    is a pure function of plan, job input and the outputs of the steps before.
 * 3. When a step is rewound, every step that depends on it is void too and runs again.
 * 4. Deterministic: no clock, no randomness, no order but the plan's.
 */
import { waitStep } from '../step/built-in/wait.ts';
import { builtInWrites } from '../step/built-in/claims.ts';
import type { Json, JsonObject } from '../canonical-json.ts';
import { resolveInput, type ResolvedInput } from './resolve.ts';
import type { Scope } from './reference.ts';
import { HoldfastError } from '../failure.ts';
import { foldState, initialState } from './job-state.ts';
import { dependentsOf, nextSuperStep, planGraph, type PlanGraph } from './graph.ts';
import { parseClaim } from '../step/claim.ts';
import type { Plan, PlanStep } from './plan.ts';
import type { PlanStepRequest, PlanJob } from './plan-job.ts';
import type { PlanProgress, PlanResult } from './progress.ts';
import { checkWait, waitMs } from './wait.ts';

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

type Outcome = { readonly id: string } & (
  | { readonly kind: 'done'; readonly output: Json }
  | { readonly kind: 'void' }
  | { readonly kind: 'stuck'; readonly failure: HoldfastError }
  | { readonly kind: 'failed'; readonly reason: unknown }
);

class PlanRun {
  readonly #plan: Plan;
  readonly #input: JsonObject;
  readonly #job: PlanJob;
  readonly #graph: PlanGraph;
  readonly #outputs = new Map<string, Json>();
  /** The state before the first super-step with something left to run, kept so that folding costs the same at step 1,000 as at step 10. */
  #folded: { readonly superStep: number; readonly state: JsonObject };
  #rewoundSinceBarrier = new Set<string>();

  constructor(plan: Plan, input: JsonObject, job: PlanJob, from: PlanProgress | undefined) {
    this.#plan = plan;
    this.#input = input;
    this.#job = job;
    this.#graph = planGraph(plan);
    this.#folded = { superStep: 0, state: initialState(plan) };
    if (from !== undefined) this.#adopt(from);
  }

  /** Runs one super-step and its barrier. False when nothing is left to run. */
  async superStep(): Promise<boolean> {
    this.#drainRewound();
    const foldFailure = this.#fold();
    if (foldFailure !== undefined) {
      await this.#stuck(String(foldFailure.details['stepId']), foldFailure);
      return true;
    }
    const ids = nextSuperStep(this.#graph, this.#outputs);
    if (ids.length === 0) return false;
    const { superStep, state } = this.#folded;

    const outcomes = await Promise.all(ids.map((id) => this.#runStep(id, ids, state)));
    for (const outcome of outcomes) if (outcome.kind === 'done') this.#outputs.set(outcome.id, outcome.output);
    const voided = this.#drainRewound();
    // The failure of a step that is void is void too.
    const inForce = outcomes.filter(({ id }) => !voided.has(id));
    const failed = inForce.filter((outcome) => outcome.kind === 'failed');
    // A fold that fails here fails again at the start of the next super-step, where it is dealt with.
    this.#fold();
    await this.#endSuperStep(
      superStep,
      ids,
      failed.map(({ id }) => id),
    );
    const [first] = failed;
    if (first !== undefined) throw first.reason;
    for (const outcome of inForce) if (outcome.kind === 'stuck') await this.#stuck(outcome.id, outcome.failure);
    return true;
  }

  result(): PlanResult {
    const outputs = this.#plan.steps.map(({ id }) => [id, this.#outputs.get(id)!] as const);
    return { state: this.#folded.state, outputs: Object.fromEntries(outputs) };
  }

  /** Never rejects: a barrier waits for every step. */
  async #runStep(id: string, together: readonly string[], state: JsonObject): Promise<Outcome> {
    const step = this.#graph.steps.get(id)!;
    let given: ResolvedInput;
    try {
      given = this.#inputOf(step, state);
      if (step.use === waitStep.name) checkWait(step, given.input);
    } catch (failure) {
      if (failure instanceof HoldfastError) return { id, kind: 'stuck', failure };
      return { id, kind: 'failed', reason: failure };
    }
    try {
      if (step.use === waitStep.name) {
        await this.#job.sleep(waitMs(given.input, this.#job.nowMs()));
        return { id, kind: 'done', output: {} };
      }
      const result = await this.#job.step(this.#requestFor(step, given, together));
      return 'output' in result ? { id, kind: 'done', output: result.output } : { id, kind: 'void' };
    } catch (reason) {
      return { id, kind: 'failed', reason };
    }
  }

  #inputOf(step: PlanStep, state: JsonObject): ResolvedInput {
    const uses = this.#graph.sourcesOf.get(step.id)!;
    const scope: Scope = {
      input: this.#input,
      state,
      steps: new Map(uses.map((id) => [id, this.#outputs.get(id)!])),
      job: { id: this.#job.jobId },
    };
    try {
      return resolveInput(step.with, scope);
    } catch (cause) {
      if (!(cause instanceof HoldfastError)) throw cause;
      throw new HoldfastError(
        cause.type,
        `Step "${step.id}" cannot be given its input: ${cause.message}`,
        { ...cause.details, stepId: step.id },
        { cause },
      );
    }
  }

  #requestFor(step: PlanStep, { input, secrets }: ResolvedInput, together: readonly string[]): PlanStepRequest {
    return {
      id: step.id,
      use: step.use,
      input,
      ...(secrets.length === 0 ? {} : { secrets }),
      uses: this.#graph.sourcesOf.get(step.id)!,
      writes: writesOf(step, input),
      parallelWith: together.filter((other) => other !== step.id),
      onFailure: step.onFailure,
      ...(step.approval === undefined ? {} : { approval: step.approval }),
      ...(step.timeoutMs === undefined ? {} : { timeoutMs: step.timeoutMs }),
      ...(step.retry === undefined ? {} : { retry: step.retry }),
    };
  }

  /**
   * Folds what is finished, up to the first super-step with something left to run. Returns what stands in the way: the
   * state then stays at the last super-step that could be folded.
   */
  #fold(): HoldfastError | undefined {
    const [next] = nextSuperStep(this.#graph, this.#outputs);
    const end = next === undefined ? this.#graph.superSteps.length : this.#graph.superStepOf.get(next)!;
    while (this.#folded.superStep < end) {
      const finished = this.#graph.superSteps[this.#folded.superStep]!.map((stepId) => ({
        stepId,
        output: this.#outputs.get(stepId)!,
      }));
      try {
        this.#folded = {
          superStep: this.#folded.superStep + 1,
          state: foldState(this.#plan, this.#folded.state, finished),
        };
      } catch (failure) {
        if (failure instanceof HoldfastError && typeof failure.details['stepId'] === 'string') return failure;
        throw failure;
      }
    }
    return undefined;
  }

  async #stuck(id: string, failure: HoldfastError): Promise<void> {
    if (this.#job.stuck === undefined || this.#graph.steps.get(id)?.onFailure === 'fail') throw failure;
    await this.#job.stuck(id, failure);
  }

  /** Voids what was rewound, and everything that depends on it; says which steps that is. */
  #drainRewound(): ReadonlySet<string> {
    const rewound = this.#job.rewound();
    const unknown = rewound.find((id) => !this.#graph.steps.has(id));
    if (unknown !== undefined)
      throw new HoldfastError(
        'defect',
        `The job rewound "${unknown}", which is no step of the plan "${this.#plan.name}".`,
        { stepId: unknown },
      );
    const voided = new Set([...rewound, ...(rewound.length === 0 ? [] : dependentsOf(this.#graph, rewound))]);
    for (const id of voided) {
      this.#outputs.delete(id);
      this.#rewoundSinceBarrier.add(id);
      // What was folded from a void output is void as well.
      if (this.#graph.superStepOf.get(id)! < this.#folded.superStep)
        this.#folded = { superStep: 0, state: initialState(this.#plan) };
    }
    return voided;
  }

  async #endSuperStep(superStep: number, ran: readonly string[], failed: readonly string[]): Promise<void> {
    const rewound =
      this.#rewoundSinceBarrier.size === 0
        ? []
        : this.#plan.steps.map(({ id }) => id).filter((id) => this.#rewoundSinceBarrier.has(id));
    this.#rewoundSinceBarrier = new Set();
    if (this.#job.onSuperStepEnd === undefined) return;
    const progress = (): PlanProgress => this.#progress();
    await this.#job.onSuperStepEnd({
      superStep,
      ran,
      failed,
      rewound,
      get progress() {
        return progress();
      },
      state: this.#folded.state,
      remaining: this.#plan.steps.length - this.#outputs.size,
    });
  }

  #progress(): PlanProgress {
    const done = this.#graph.superSteps.flatMap((ids, superStep) =>
      ids.flatMap((id) => (this.#outputs.has(id) ? [{ id, output: this.#outputs.get(id)!, superStep }] : [])),
    );
    return { schemaVersion: 1, done };
  }

  #adopt(from: PlanProgress): void {
    for (const { id, output } of from.done) {
      if (!this.#graph.steps.has(id))
        throw foreign(`it holds the result of "${id}", which the plan "${this.#plan.name}" does not have`);
      this.#outputs.set(id, output);
    }
    const leftOut = new Set(from.leftOut);
    for (const id of this.#outputs.keys()) {
      const gap = this.#graph.sourcesOf.get(id)!.find((source) => !this.#outputs.has(source) && !leftOut.has(source));
      if (gap !== undefined)
        throw foreign(`it holds the result of "${id}" but not that of "${gap}", which "${id}" depends on`);
    }
  }
}

/** What a step writes, as far as it is known before it runs: declared, and told from a built-in step's input. */
function writesOf(step: PlanStep, input: Json): readonly string[] {
  const declared = step.writes.map((text) => {
    const claim = parseClaim(text);
    return claim.ok ? claim.value.resource : text;
  });
  return [...new Set([...declared, ...builtInWrites(step.use, input).map(({ resource }) => resource)])];
}

function foreign(reason: string): HoldfastError {
  return new HoldfastError('bad-input', `The carried progress does not belong to this plan: ${reason}.`);
}
