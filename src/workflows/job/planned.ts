/** A job as the plan's scheduler sees it: steps, timers and questions of `JobCore`, and when to go on in a new Run. */
import type { Json, JsonObject } from '../../model/canonical-json.ts';
import { defined } from '../../model/defined.ts';
import type { HoldfastError } from '../../model/failure.ts';
import { everyItemOf, planStepOf } from '../../model/item-id.ts';
import { planGraph, type PlanGraph } from '../../model/plan/graph/graph.ts';
import type { Plan } from '../../model/plan/plan.ts';
import { isApart } from '../../model/plan/plan-step.ts';
import { requestsToHave } from '../../model/job/recall.ts';
import { inputCheckpoint, loopCheckpoint, stateAtEnd } from '../../model/plan/run/checkpoints.ts';
import { boundedProgress, leftOutOf } from '../../model/plan/run/bounded-outputs.ts';
import { EARLIER_MAX_STATE_BYTES, MAX_STATE_BYTES } from '../../model/plan/run/job-state.ts';
import type {
  PlanJob,
  PlanLook,
  PlanPause,
  PlanStepRequest,
  PlanStepResult,
  StepItems,
  SuperStepEnd,
} from '../../model/plan/run/plan-job.ts';
import { editStep } from '../../model/step/built-in/edit.ts';
import { skipStep } from '../../model/step/built-in/skip.ts';
import { resultsOf, type PlanProgress } from '../../model/plan/run/progress.ts';
import { beginIdOf, begunBy } from '../../model/plan/run/sub-plan.ts';
import { recordedSourcesOf } from '../../model/plan/run/recorded-sources.ts';
import type { GateStep } from '../gate/gate-options.ts';
import type { PutIn } from '../../model/record/put-in.ts';
import { isPatched } from '../patches.ts';
import { MAX_CARRIED_BYTES, type CarriedPlan } from './continue-as-new.ts';
import type { JobCore } from './core.ts';
import { LeftOutResults } from './left-out.ts';
import { PlanEditing } from './plan-editing.ts';
import { SubPlans } from './sub-plans.ts';
import { areRecalled } from './recall.ts';

const PUT_IN = 'put in by hand';

export class PlannedJob implements PlanJob {
  readonly #core: JobCore;
  readonly #plan: Plan;
  /** The end of an earlier Run's last super-step, until a decision makes earlier steps run again. */
  notedSuperStep: number | undefined;
  readonly #graph: PlanGraph;
  /** Steps that became void and that the scheduler has not drained yet; the core adds to it, too. */
  readonly #rewound: string[];
  /** How many steps and items earlier Runs had done. */
  readonly #carriedDone: number;
  readonly #leftOut: LeftOutResults | undefined;
  readonly editing: PlanEditing;
  readonly #subPlans: SubPlans;
  /** How many requests a new Run would make of the record for what it is not given, when that was last counted. */
  #again = 0;
  /** Steps that the scheduler has taken for void since the last barrier: what it goes on from may still have them. */
  readonly #voidSinceBarrier: string[] = [];
  #end: SuperStepEnd | undefined;

  constructor(plan: Plan, core: JobCore, rewound: string[]) {
    this.#core = core;
    this.#subPlans = new SubPlans(core);
    this.#plan = plan;
    this.#graph = planGraph(plan);
    this.editing = new PlanEditing(plan, this.#graph, {
      ...core.carried?.plan?.progress,
      superStep: core.parts.checkpoints.lastStep,
    });
    this.#rewound = rewound;
    const isResumed = core.parts.resuming.isUnfinished;
    const carried = core.carried?.plan;
    this.#carriedDone = carried === undefined ? 0 : resultsOf(carried.progress);
    const { checkpoints } = core.parts;
    // A job that began before there were any has its first at the end of its next super-step.
    if (carried === undefined) checkpoints.note(inputCheckpoint(plan, this.#graph));
    this.notedSuperStep = checkpoints.lastStep;
    if (isResumed) this.#leftOut = new LeftOutResults(core.parts, everyResult(plan));
    else if (carried?.progress.leftOut !== undefined) this.#leftOut = new LeftOutResults(core.parts, carried.progress);
    for (const { id, items } of carried?.progress.done ?? [])
      if (items !== undefined) this.onItems({ stepId: id, within: 'workflow', done: items, total: items });
    for (const { id, rounds } of carried?.progress.done ?? [])
      if (rounds !== undefined)
        this.onItems({
          stepId: id,
          within: 'rounds',
          done: rounds,
          total: this.#graph.steps.get(id)?.maxRounds ?? rounds,
        });
    if (carried !== undefined) rewound.push(...carried.rewound);
  }

  /** The state that the super-step of now sees. */
  values: () => JsonObject = () => ({});

  onState(state: () => JsonObject, look: PlanLook): void {
    this.values = state;
    this.editing.look = look;
  }

  putIn(stepId: string): PutIn | undefined {
    return this.#core.parts.edits.get(stepId);
  }

  get jobId(): string {
    return this.#core.jobId;
  }

  /** What earlier Runs have done. */
  get progress(): PlanProgress | undefined {
    return this.#core.carried?.plan?.progress;
  }

  nowMs(): number {
    // oxlint-disable-next-line layout/pure -- the sandbox's clock is the history's: the same in every replay
    return Date.now();
  }

  sleep(durationMs: number, stepId: string): Promise<void> {
    return this.#core.waits.wait(stepId, durationMs);
  }

  rewound(): readonly string[] {
    // Steps of a plan only: a decision may name what an older plan had.
    const rewound = this.#rewound
      .splice(0)
      .map(begunBy)
      .filter((id) => this.#graph.steps.has(planStepOf(id)));
    this.#voidSinceBarrier.push(...rewound);
    return rewound;
  }

  /**
   * What a new Run goes on from, with so many bytes of results; a step that is done since the last barrier answers from
   * the record there.
   */
  carried(resultBytes: number): CarriedPlan {
    const progress = this.#end?.progress ?? this.progress ?? { schemaVersion: 1, done: [] };
    return {
      progress: boundedProgress(progress, resultBytes),
      rewound: [...this.#voidSinceBarrier, ...this.#rewound],
    };
  }

  async step(request: PlanStepRequest): Promise<PlanStepResult> {
    const recalled = this.#leftOut?.recalled(request.id);
    if (recalled !== undefined) {
      await recalled;
      const result = this.#leftOut?.take(request);
      if (result !== undefined) return this.#taken(request, result.output);
    }
    if (request.subPlan !== undefined) return await this.#subPlans.run(request);
    const { isParallel, retry, resume } = request;
    const resumeAfterMs = resume && Math.round(resume.afterSeconds * 1_000);
    const done = await this.#core.runStep(gateRequest(request), defined({ isParallel, retry, resumeAfterMs }));
    return done === undefined ? { rewound: true } : this.#taken(request, done.output);
  }

  #taken({ id, use }: PlanStepRequest, output: Json): PlanStepResult {
    if (use === skipStep.name) this.#showSkipped(id, output);
    if (use === editStep.name) this.#core.parts.board.set(id, { effects: PUT_IN });
    return { output };
  }

  #showSkipped(stepId: string, output: Json): void {
    const { board, view } = this.#core.parts;
    board.set(stepId, { state: 'skipped', effects: skipStep.output.parse(output).why });
    view.refresh();
  }

  async stuck(stepId: string, failure: HoldfastError): Promise<void> {
    if (!isPatched('ask-when-no-input-can-be-made')) throw failure;
    if (failure.type === 'sub-plan-failed' || failure.type === 'too-large') {
      const failed = failure.details['job'] === undefined ? undefined : String(failure.details['stepId']);
      if (failed !== undefined) return await this.#core.askStuck(failed, failure, [beginIdOf(failed)]);
    }
    // Of a list its items, where there are any: what they return is what it can't go on with.
    const hasItems = (this.#core.parts.view.items.get(stepId)?.done ?? 0) > 0;
    const rerun = hasItems ? [everyItemOf(stepId)] : recordedSourcesOf(stepId, this.#graph);
    await this.#core.askStuck(stepId, failure, rerun);
  }

  maxStateBytes(): number {
    return isPatched('state-of-a-mebibyte') ? MAX_STATE_BYTES : EARLIER_MAX_STATE_BYTES;
  }

  onItems(items: StepItems): void {
    const { view } = this.#core.parts;
    view.items.set(items.stepId, items);
    view.refresh();
  }

  /**
   * What is under way is waited for, so that nobody is made to wait long: while a sibling runs, or a person is asked,
   * the history grows on, up to a bound.
   */
  isPausing(pause: PlanPause): boolean {
    const { questions } = this.#core.parts;
    const isShort = pause.isAlone && questions.all.length === 0;
    return (isShort || this.#core.isVeryLong) && this.#isNewRunDue(pause);
  }

  /**
   * Goes on in a new Run where the history is long. A new Run requests less of the record than this one has newly done,
   * or there is none: the chain would never end.
   */
  async onSuperStepEnd(end: SuperStepEnd): Promise<void> {
    this.#end = end;
    this.#voidSinceBarrier.length = 0;
    this.#core.waits.endWaits();
    this.#note(end);
    if (end.remaining === 0 || end.failed.length > 0) return;
    if (this.#isNewRunDue(end)) await this.#core.continueAsNew((bytes) => ({ plan: this.carried(bytes) }));
  }

  #note(end: SuperStepEnd): void {
    const { knowledge, checkpoints, edits } = this.#core.parts;
    if (end.rewound.length > 0) this.notedSuperStep = this.#notedBefore(end);
    // What an earlier Run has noted is answered by the record; of a list that pauses the super-step goes on.
    if (end.superStep <= (this.notedSuperStep ?? -1)) return;
    if ([...end.ends.values()].some(({ kind }) => kind === 'paused')) return;
    const note = loopCheckpoint(this.#plan, end, {
      generationOf: (id) => knowledge.generationOf(id),
      isEdited: (id) => edits.has(id),
    });
    checkpoints.note(note, () => stateAtEnd(this.#plan, end));
  }

  /** What is put in of a fork leaves the checkpoints before it as the other job has them. */
  #notedBefore({ rewound }: SuperStepEnd): number | undefined {
    if (this.notedSuperStep === undefined || this.#core.carried?.fork?.edit === undefined) return undefined;
    const first = Math.min(...rewound.map((id) => this.#graph.superStepOf.get(id)!));
    return Math.min(this.notedSuperStep, first - 1);
  }

  #isNewRunDue(now: { readonly progress: PlanProgress }): boolean {
    if (this.#core.moving.isDue) return true;
    if (!this.#core.isLong) return false;
    const { progress } = now;
    const newlyDone = resultsOf(progress) - this.#carriedDone;
    if (this.#again === 0 || newlyDone > this.#again) this.#again = requestsAgain(progress);
    if (this.#again === 0 || newlyDone > this.#again) return true;
    this.#core.sayWhyNotNew(this.#again);
    return false;
  }
}

/** Whatever the record has of the plan's steps, of a job that begins again at its beginning. */
function everyResult({ steps }: Plan): PlanProgress {
  const leftOut = steps.flatMap((step) => (isApart(step) ? [step.id, everyItemOf(step.id)] : [step.id]));
  return { schemaVersion: 1, done: [], leftOut };
}

/** Of a new Run, for what it would not be given. */
function requestsAgain(progress: PlanProgress): number {
  const leftOut = leftOutOf(progress, MAX_CARRIED_BYTES);
  if (leftOut.length === 0 || !areRecalled()) return leftOut.length;
  return requestsToHave(leftOut.map(({ sizeBytes }) => sizeBytes));
}

function gateRequest(request: PlanStepRequest): GateStep['request'] {
  const { secrets, approval, timeoutMs, retry, resume } = request;
  return {
    stepId: request.id,
    step: request.use,
    input: request.input,
    uses: [...request.uses],
    onFailure: request.onFailure,
    ...defined({
      secrets: secrets?.map(({ at, parts }) => ({ at: [...at], parts: [...parts] })),
      approval,
      timeoutMs,
      maxAttempts: retry?.maxAttempts,
      resumeAtMost: resume?.atMost,
    }),
  };
}
