/**
 * `job.step` of a user's own Workflow: from a call to its output.
 *
 * Invariants
 * 1. What is carried over answers by itself; what a decision made void is requested again, unless its result was used
 *    already: then the Workflow starts anew.
 * 2. A step that meets no obstacle makes one promise of ours, in Runs that began so; in older ones as many as before:
 *    the order in which a history's answers are taken up hangs on it.
 */
import { defined } from '../../model/defined.ts';
import type { StepDone } from '../../model/job/run-step.ts';
import type { StepContract } from '../../model/step/step.ts';
import { editStep } from '../../model/step/built-in/edit.ts';
import type { Gate } from '../gate/gate.ts';
import type { GateStep } from '../gate/gate-options.ts';
import type { StepOptions } from '../guarded-job.ts';
import { isPatched } from '../patches.ts';
import { stepCall, type StepCall, type StepCalls } from './step-calls.ts';
import type { UserState } from './user-state.ts';
import { checkInput, refuseBadRequest, stepRequest } from './step-request.ts';

const DEFAULT_RESUME_AFTER_MS = 10_000;

export interface UserStepsOptions {
  readonly gate: Gate;
  readonly calls: StepCalls;
  /** @throws JobRestart where the Workflow must start anew */
  readonly onAsk: () => void;
  /** A result is there and is used now. @throws JobRestart where the history is long */
  readonly onUsed: () => void;
  /** Undefined: the Workflow has none of its own. */
  readonly state: Pick<UserState, 'mark' | 'putIn'> | undefined;
  /** A step is called, before anything is asked for it. */
  readonly beforeStep: (stepId: string) => void;
  /** It is answered without a request. */
  readonly onAnswered: (stepId: string, generation: number) => void;
  /** The state was another when the step was requested. @throws OtherState */
  readonly onOtherState: (stepId: string) => void;
}

interface Call {
  readonly contract: StepContract;
  /** Undefined: its result answers another input, too. */
  readonly asked: StepCall | undefined;
  readonly step: GateStep;
}

export class UserSteps {
  readonly #options: UserStepsOptions;
  /** Decided at the first step, so that it is the same for all that follow in this Run. */
  #isPatched: boolean | undefined;

  constructor(options: UserStepsOptions) {
    this.#options = options;
  }

  /** The output, as the contract has it. @throws as `Job.step` */
  step(contract: StepContract, input: unknown, options: StepOptions): Promise<unknown> {
    this.#isPatched ??= isPatched('a-step-makes-one-promise');
    try {
      const call = this.#callOf(contract, input, options);
      if ('output' in call) return Promise.resolve(call.output);
      const recalled = this.#options.calls.recalled();
      if (recalled !== undefined) return this.#onceRecalled(call, recalled);
      if (!this.#isPatched) return this.#askUntilDone(call);
      this.#refuseImpossible(call);
      return this.#options.gate.runThen(call.step, (done) => {
        this.#options.onAsk();
        return done === undefined ? this.#askUntilDone(call) : this.#outputOf(call, done);
      });
    } catch (refused) {
      return Promise.reject(refused as Error);
    }
  }

  /** What earlier Runs have left out is read first. */
  async #onceRecalled(call: Call, recalled: Promise<void>): Promise<unknown> {
    await recalled;
    const result = this.#options.calls.resultOf(call.step.request.stepId, call.asked);
    if (result !== undefined) {
      this.#options.onAnswered(call.step.request.stepId, result.generation);
      return call.contract.output.parse(result.output);
    }
    return await this.#askUntilDone(call);
  }

  /** Takes as many turns to the code behind it as every step did in Runs before the patch. */
  async #askUntilDone(call: Call): Promise<unknown> {
    for (;;) {
      this.#refuseImpossible(call);
      const done = await this.#options.gate.run(call.step);
      this.#options.onAsk();
      if (done !== undefined) return this.#outputOf(call, done);
    }
  }

  #callOf(contract: StepContract, input: unknown, options: StepOptions): Call | { readonly output: unknown } {
    const { calls } = this.#options;
    const stepId = options.id ?? calls.nextId(contract.name);
    checkInput(stepId, contract, input);
    this.#options.beforeStep(stepId);
    const putIn = calls.putIn(stepId);
    if (putIn?.values !== undefined) this.#options.state?.putIn(stepId, putIn.values);
    const use: StepContract = putIn === undefined ? contract : editStep;
    const given = putIn ?? input;
    const asked = options.inputMayDiffer === true ? undefined : stepCall(use.name, given);
    const carried = calls.resultOf(stepId, asked);
    if (carried !== undefined) {
      this.#options.onAnswered(stepId, carried.generation);
      return { output: contract.output.parse(carried.output) };
    }
    const request = {
      ...stepRequest(stepId, use, given, putIn === undefined ? options : withoutApproval(options)),
      ...defined({ stateMark: this.#options.state?.mark }),
    };
    const resumeAfterMs = options.resume && (options.resume.afterMs ?? DEFAULT_RESUME_AFTER_MS);
    return { contract, asked, step: { request, ...defined({ retry: options.retry, resumeAfterMs }) } };
  }

  /** @throws HoldfastError for a request that can't be made */
  #refuseImpossible({ step }: Call): void {
    this.#options.onAsk();
    refuseBadRequest(step.request);
  }

  #outputOf({ contract, asked, step }: Call, done: StepDone): unknown {
    const { stepId, stateMark } = step.request;
    if (done.stateMark !== undefined && done.stateMark !== stateMark) this.#options.onOtherState(stepId);
    this.#options.calls.add(step.request.stepId, done, asked);
    this.#options.onUsed();
    return contract.output.parse(done.output);
  }
}

/** Nothing is applied that could be approved. */
function withoutApproval(options: StepOptions): StepOptions {
  return Object.fromEntries(Object.entries(options).filter(([name]) => name !== 'approval'));
}
