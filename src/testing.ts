/**
 * `holdfast/testing`: run steps, or a plan, against a temporary workspace without a server, in your own unit tests. It
 * is the protocol itself (ledger, claims, two-phase apply, verification, questions), driven in this process.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BUILT_IN_IMPLEMENTATIONS } from './steps/built-in.ts';
import type { Caller, ProtocolHost } from './protocol/host.ts';
import { beginUndoProtocol } from './protocol/undo/begin-undo.ts';
import { releaseProtocol } from './protocol/end/release.ts';
import { repairProtocol } from './protocol/repair/repair.ts';
import { runStepProtocol } from './protocol/step/run-step.ts';
import { undoStepProtocol } from './protocol/undo/undo-step.ts';
import { verifyWorldProtocol } from './protocol/verify/verify-world.ts';
import { Workspaces } from './protocol/workspace/workspaces.ts';
import type { Json } from './model/canonical-json.ts';
import type { Decision } from './model/question/decision.ts';
import { HoldfastError, isFailure } from './model/failure.ts';
import { DEFAULT_VERIFY_AFTER_MS, type JobSettings } from './model/job/settings.ts';
import type { ChainPlace } from './model/job/chain-place.ts';
import type { RepairResult } from './model/job/repair.ts';
import type { RunStepRequest, RunStepResult, StepDone } from './model/job/run-step.ts';
import type { UndoItem, UndoReport } from './model/job/undo.ts';
import type { VerificationReason, VerifyWorldResult } from './model/job/verify-world.ts';
import { assertPlan } from './model/plan/check.ts';
import { parseInput } from './model/plan/input.ts';
import { runPlan } from './model/plan/run.ts';
import type { PlanResult } from './model/plan/progress.ts';
import { isAboutTheWorld, type Question } from './model/question/question.ts';
import { GENESIS } from './model/record/chain.ts';
import type { StepContract, StepImplementation, StepInput, StepOutput } from './model/step/step.ts';
import { jobIdOf } from './model/record/token.ts';
import { bootClockMs, thisProcess } from './store/lock/process-identity.ts';

export interface TestJobOptions {
  /** Steps besides the built-in ones. */
  readonly steps?: readonly StepImplementation[];
  /** An existing folder, which is kept. Default: a temporary one, removed by `close`. */
  readonly workspace?: string;
  /** Name → `sqlite:relative/path`, or `${{ env.NAME }}`. */
  readonly databases?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Names of variables of `env` that steps may use as secrets. Default: none. */
  readonly secrets?: readonly string[];
  readonly watch?: JobSettings['watch'];
  /** Hosts that steps and watches may call. Default: none. */
  readonly http?: JobSettings['http'];
  readonly verifyAfterMs?: number;
  /** Name and digest of the plan that the job runs. Default: none. */
  readonly plan?: JobSettings['plan'];
  /** Ids of other jobs whose Workflows are still open. Default: every other job has ended. */
  readonly openJobs?: readonly string[];
  /** To play a worker that starts again in the same job. Default: a new job. */
  readonly resume?: TestJobMemory;
  /** Another id than before plays another worker process. */
  readonly workerId?: string;
  /** A new Run of the same job, as after a reset. Default: the one of `resume`, else a new one. */
  readonly runId?: string;
}

/** What the Workflow would remember; hand it to `resume`. */
export interface TestJobMemory {
  readonly workflowId: string;
  readonly firstRunId: string;
  readonly runId: string;
  readonly term: number;
  readonly known: ChainPlace;
  readonly steps: readonly (readonly [string, number, number])[];
  readonly generations: Readonly<Record<string, number>>;
  /**
   * Where the Run's history begins; everything up to there is known, as after continue-as-new. Default: the beginning.
   */
  readonly base?: ChainPlace;
  /** The Run that this one continues as new. Default: none. */
  readonly continuedFrom?: string;
}

/** Thrown when the job waits for a person: answer `question` with `decide`, then call the step again. */
export class QuestionAsked extends Error {
  override readonly name = 'QuestionAsked';
  readonly question: Question;
  constructor(question: Question) {
    super(`${question.kind}: ${question.findings.map(({ resource, kind }) => `${resource} ${kind}`).join(', ')}`);
    this.question = question;
  }
}

const MAX_ASKINGS = 100;

/** Opens a job without a server. Close it. */
export function openTestJob(options: TestJobOptions = {}): TestJob {
  return new TestJob(options);
}

export class TestJob {
  readonly workspace: string;
  readonly jobId: string;
  readonly #isTemporary: boolean;
  readonly #host: ProtocolHost;
  readonly #workspaces: Workspaces;
  readonly #settings: JobSettings;
  readonly #workflowId: string;
  readonly #firstRunId: string;
  readonly #runId: string;
  readonly #steps: [string, number, number][];
  readonly #base: ChainPlace;
  readonly #continuedFrom: string | undefined;
  readonly #generations: Map<string, number>;
  readonly #calls = new Map<string, number>();
  /** Steps that are waited for now. */
  readonly #asking = new Set<string>();
  /** Messages of `ctx.log`, in order. */
  readonly logs: string[] = [];
  #term: number;
  #known: ChainPlace;
  #rewound: string[] = [];
  #mark: number | undefined;
  #compared = false;
  #isUndoing = false;

  constructor(options: TestJobOptions) {
    const { resume } = options;
    this.#isTemporary = options.workspace === undefined;
    this.workspace = realpathSync(options.workspace ?? mkdtempSync(join(tmpdir(), 'holdfast-test-')));
    this.#workflowId = resume?.workflowId ?? `test-${randomUUID()}`;
    this.#firstRunId = resume?.firstRunId ?? randomUUID();
    this.#runId = options.runId ?? resume?.runId ?? this.#firstRunId;
    this.jobId = jobIdOf(this.#workflowId, this.#firstRunId);
    this.#term = resume?.term ?? 0;
    this.#known = resume?.known ?? { seq: 0, head: GENESIS };
    this.#base = resume?.base ?? { seq: 0, head: GENESIS };
    this.#continuedFrom = resume?.continuedFrom;
    this.#steps = [...(resume?.steps ?? [])].map(([stepId, generation, seq]) => [stepId, generation, seq]);
    this.#generations = new Map(Object.entries(resume?.generations ?? {}));
    const identity = thisProcess();
    this.#host = {
      steps: new Map([...BUILT_IN_IMPLEMENTATIONS, ...(options.steps ?? [])].map((step) => [step.contract.name, step])),
      env: options.env ?? {},
      workspaceRoot: this.workspace,
      worker: { id: options.workerId ?? `test ${identity.pid}`, identity },
      clock: () => ({ bootId: identity.bootId, bootMs: Math.round(bootClockMs()) }),
      currentRunId: async () => await Promise.resolve(this.#runId),
      isJobOpen: async (jobId) =>
        await Promise.resolve(jobId === this.jobId || options.openJobs?.includes(jobId) === true),
      searchAttributes: false,
    };
    this.#workspaces = new Workspaces(this.workspace, this.#host.env);
    this.#settings = {
      databases: options.databases ?? {},
      watch: [...(options.watch ?? [])],
      ...(options.secrets === undefined ? {} : { secrets: [...options.secrets] }),
      verifyAfterMs: options.verifyAfterMs ?? DEFAULT_VERIFY_AFTER_MS,
      plan: options.plan ?? null,
      ...(options.http === undefined ? {} : { http: options.http }),
    };
  }

  get memory(): TestJobMemory {
    return {
      workflowId: this.#workflowId,
      firstRunId: this.#firstRunId,
      runId: this.#runId,
      term: this.#term,
      known: this.#known,
      steps: this.#steps,
      generations: Object.fromEntries(this.#generations),
      base: this.#base,
      ...(this.#continuedFrom === undefined ? {} : { continuedFrom: this.#continuedFrom }),
    };
  }

  /**
   * Runs a step to its end: verification, code, apply, record.
   * @throws QuestionAsked when a person would be asked; HoldfastError for the step's own failures below its attempts
   */
  async step<C extends StepContract>(
    contract: C,
    input: StepInput<C>,
    options: Partial<Omit<RunStepRequest, 'input' | 'step'>> = {},
  ): Promise<StepOutput<C>> {
    const count = (this.#calls.get(contract.name) ?? 0) + 1;
    const stepId = options.stepId ?? (count === 1 ? contract.name : `${contract.name}#${count}`);
    const done = await this.run({ ...options, stepId, step: contract.name, input: input as Json });
    if (options.stepId === undefined) this.#calls.set(contract.name, count);
    return contract.output.parse(done.output) as StepOutput<C>;
  }

  /** The same for a request as a Workflow makes it. */
  async run(request: Pick<RunStepRequest, 'stepId' | 'step' | 'input'> & Partial<RunStepRequest>): Promise<StepDone> {
    this.#asking.add(request.stepId);
    try {
      return await this.#untilDone(request);
    } finally {
      this.#asking.delete(request.stepId);
    }
  }

  async #untilDone(
    request: Pick<RunStepRequest, 'stepId' | 'step' | 'input'> & Partial<RunStepRequest>,
  ): Promise<StepDone> {
    for (let asked = 0; asked < MAX_ASKINGS; asked++) {
      const result = await this.ask(request);
      switch (result.kind) {
        case 'done':
          this.#known = result.at.seq > this.#known.seq ? result.at : this.#known;
          this.#steps.push([result.stepId, result.generation, result.at.seq]);
          return result;
        case 'verification-required': {
          const verified = await this.verify(result.reason, result.detail, [...this.#asking]);
          if (verified.kind === 'question') throw new QuestionAsked(verified.question);
          this.#compared = true;
          break;
        }
        case 'other-generation':
          this.#generations.set(request.stepId, result.generation);
          break;
        case 'question':
        case 'held':
          throw new QuestionAsked(result.question);
        case 'failed':
          throw new HoldfastError('step-failed', result.message);
      }
    }
    throw new HoldfastError('defect', `Step ${request.stepId} was asked ${MAX_ASKINGS} times without an end.`);
  }

  /** One request, one answer. */
  async ask(
    request: Pick<RunStepRequest, 'stepId' | 'step' | 'input'> & Partial<RunStepRequest>,
  ): Promise<RunStepResult> {
    // Only a comparison that was made for this very request excuses it.
    const mark = this.#compared ? this.#mark : undefined;
    this.#compared = false;
    return await runStepProtocol(this.#host, this.#workspaces, this.#caller(), {
      jobId: this.jobId,
      workspace: this.workspace,
      term: this.#term,
      known: this.#known,
      generation: this.#generations.get(request.stepId) ?? 0,
      ...(mark === undefined ? {} : { mark }),
      ...request,
    });
  }

  /**
   * Compares the world with the record. `asking`: steps that are waited for; what else is half applied is then
   * finished.
   */
  async verify(
    reason: VerificationReason = 'asked',
    detail = 'by the test',
    asking?: readonly string[],
  ): Promise<VerifyWorldResult> {
    const result = await verifyWorldProtocol(this.#host, this.#workspaces, this.#caller(), {
      jobId: this.jobId,
      workspace: this.workspace,
      settings: this.#settings,
      base: this.#base,
      known: this.#known,
      steps: this.#steps,
      reason,
      detail,
      ...(asking === undefined ? {} : { asking: [...asking] }),
      ...(this.#continuedFrom === undefined ? {} : { continuedFrom: this.#continuedFrom }),
    });
    this.#term = result.term;
    if (result.kind === 'verified') this.#mark = result.mark;
    if (result.kind === 'verified' && result.at.seq > this.#known.seq) this.#known = result.at;
    return result;
  }

  /** Answers a question. The world is compared again by the next step. */
  async decide(
    question: Question,
    decision: Omit<Decision, 'digest' | 'by' | 'reason'> & Partial<Decision>,
  ): Promise<RepairResult> {
    const result = await repairProtocol(this.#host, this.#workspaces, this.#caller(), {
      jobId: this.jobId,
      workspace: this.workspace,
      decision: { digest: question.digest, by: 'test', reason: 'test', ...decision },
    });
    if (result.kind !== 'repaired') return result;
    this.#term = result.term;
    if (result.at.seq > this.#known.seq) this.#known = result.at;
    for (const { stepId, generation } of result.reruns) {
      this.#generations.set(stepId, generation);
      this.#rewound.push(stepId);
    }
    if (isAboutTheWorld(question) && !this.#isUndoing) await this.verify('decided', question.digest.slice(0, 12));
    return result;
  }

  /**
   * Runs a whole plan.
   * @throws QuestionAsked where a job would wait for a person
   */
  async runPlan(plan: unknown, input: unknown = {}): Promise<PlanResult> {
    const checked = assertPlan(plan);
    return await runPlan(checked, parseInput(checked, input), {
      jobId: this.jobId,
      nowMs: () => Date.now(),
      sleep: async () => await Promise.resolve(),
      rewound: () => this.#rewound.splice(0),
      step: async (request) => {
        for (let attempt = 1; ; attempt++) {
          try {
            const done = await this.run({
              stepId: request.id,
              step: request.use,
              input: request.input,
              ...(request.secrets === undefined ? {} : { secrets: [...request.secrets] }),
              uses: [...request.uses],
              parallelWith: [...request.parallelWith],
              onFailure: request.onFailure,
              ...(request.approval === undefined ? {} : { approval: request.approval }),
            });
            return { output: done.output };
          } catch (error) {
            if (!isFailure(error, 'step-failed', 'busy') || attempt >= MAX_ASKINGS) throw error;
          }
        }
      },
    });
  }

  /**
   * Undoes what the job did, newest first, as after an `abort` with `compensate`; then gives the workspace back. Call
   * it
   * again after a question is answered.
   * @throws QuestionAsked; HoldfastError for a compensation's own failures below its attempts
   */
  async undo({
    by = 'test',
    reason = 'test',
    release = true,
  }: { readonly by?: string; readonly reason?: string; readonly release?: boolean } = {}): Promise<UndoReport> {
    this.#isUndoing = true;
    for (let asked = 0; asked < MAX_ASKINGS; asked++) {
      const begun = await beginUndoProtocol(this.#host, this.#workspaces, this.#caller(), {
        jobId: this.jobId,
        workspace: this.workspace,
        settings: this.#settings,
        base: this.#base,
        known: this.#known,
        steps: this.#steps,
        reason: 'decided',
        detail: 'by the test',
        by,
        why: reason,
        ...(this.#continuedFrom === undefined ? {} : { continuedFrom: this.#continuedFrom }),
      });
      this.#term = begun.term;
      if (begun.kind === 'question') throw new QuestionAsked(begun.question);
      if (begun.at.seq > this.#known.seq) this.#known = begun.at;
      if (begun.items.length === 0) {
        if (release) await this.release('aborted');
        return begun.report;
      }
      await this.#undoItems(begun.items, begun.mark);
    }
    throw new HoldfastError('defect', `What the job did was begun to be undone ${MAX_ASKINGS} times without an end.`);
  }

  async #undoItems(items: readonly UndoItem[], mark: number): Promise<void> {
    for (const [index, item] of items.entries()) {
      const result = await undoStepProtocol(this.#host, this.#workspaces, this.#caller(), {
        ...item,
        jobId: this.jobId,
        workspace: this.workspace,
        term: this.#term,
        known: this.#known,
        ...(index === 0 ? { mark } : {}),
      });
      if (result.kind === 'question') throw new QuestionAsked(result.question);
      if (result.kind === 'begin-again') return;
      if (result.at.seq > this.#known.seq) this.#known = result.at;
    }
  }

  /** Gives the workspace back, as a job that ends. */
  async release(outcome: 'completed' | 'failed' | 'aborted' | 'cancelled' = 'completed'): Promise<void> {
    await releaseProtocol(this.#host, this.#workspaces, this.#caller(), {
      jobId: this.jobId,
      workspace: this.workspace,
      outcome,
    });
  }

  /** Closes what is open; a temporary workspace is removed. */
  async close(): Promise<void> {
    await this.#workspaces.close();
    if (this.#isTemporary) rmSync(this.workspace, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #caller(): Caller {
    return {
      workflowId: this.#workflowId,
      runId: this.#runId,
      signal: new AbortController().signal,
      progress: () => undefined,
      log: (message) => void this.logs.push(message),
    };
  }
}

export { defineStep, implementStep } from './model/step/step.ts';
