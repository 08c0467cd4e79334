/** A job without a server: the protocol itself, driven as the Workflow drives it. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Json } from '../model/canonical-json.ts';
import { defined } from '../model/defined.ts';
import { HoldfastError } from '../model/failure.ts';
import type { RepairResult } from '../model/job/repair.ts';
import { wholeRepair } from '../model/job/repair-pages.ts';
import { RunStepRequestSchema, type RunStepResult, type StepDone } from '../model/job/run-step.ts';
import { SeqRanges } from '../model/job/seq-ranges.ts';
import { refuseUnknownOptions } from '../model/options.ts';
import type { JobSettings } from '../model/job/settings.ts';
import { undoBatches } from '../model/job/undo-batches.ts';
import type { UndoItem, UndoReport } from '../model/job/undo.ts';
import type { VerificationReason, VerifyWorldResult } from '../model/job/verify-world.ts';
import type { PlanResult } from '../model/plan/run/progress.ts';
import { RewindSchema, usableRewind, type Rewind } from '../model/job/rewind.ts';
import { DecisionSchema, type Decision } from '../model/question/decision.ts';
import { isAboutTheWorld, type Question } from '../model/question/question.ts';
import type { StepContract, StepInput, StepOutput } from '../model/step/step.ts';
import { releaseProtocol } from '../protocol/end/release.ts';
import type { Caller, ProtocolHost } from '../protocol/host.ts';
import { rewindProtocol } from '../protocol/repair/rewind.ts';
import { repairProtocol } from '../protocol/repair/repair.ts';
import { runStepProtocol } from '../protocol/step/run-step.ts';
import { beginUndoProtocol } from '../protocol/undo/begin-undo.ts';
import { undoStepProtocol } from '../protocol/undo/undo-step.ts';
import { verifyWorldProtocol } from '../protocol/verify/verify-world.ts';
import { Workspaces } from '../protocol/workspace/workspaces.ts';
import {
  MAX_REQUESTS,
  QuestionAsked,
  TEST_JOB_OPTIONS,
  type TestJobMemory,
  type TestJobOptions,
  type TestRequest,
  type TestUndoOptions,
  whyCompared,
} from './options.ts';
import { RememberedJob } from './remembered-job.ts';
import { runTestPlan, type TestSteps } from './run-test-plan.ts';
import { settingsOf, testHost } from './test-host.ts';

/** A job that this process runs. It is not safe to use it from two places at once. */
export class TestJob {
  /** The folder that it works in, as an absolute path without links. */
  readonly workspace: string;
  /** Workflow id and first Run's id, as a Workflow would have it. */
  readonly jobId: string;
  /** Messages of `ctx.log`, in order. */
  readonly logs: string[] = [];
  readonly #isTemporary: boolean;
  readonly #host: ProtocolHost;
  readonly #workspaces: Workspaces;
  readonly #settings: JobSettings;
  readonly #job: RememberedJob;
  readonly #calls = new Map<string, number>();
  /** Steps that are requested and not done. */
  readonly #requested = new Set<string>();
  #rewound: string[] = [];
  #mark: number | undefined;
  /** The world was compared for the very next request. */
  #isJustCompared = false;
  #isUndoing = false;

  constructor(options: TestJobOptions) {
    refuseUnknownOptions('openTestJob', options, TEST_JOB_OPTIONS);
    this.#settings = settingsOf(options); // Before anything is made: it may refuse them.
    this.#isTemporary = options.workspace === undefined;
    this.workspace = realpathSync(options.workspace ?? mkdtempSync(join(tmpdir(), 'holdfast-test-')));
    this.#job = new RememberedJob(options);
    this.jobId = this.#job.jobId;
    this.#host = testHost(options, this.workspace, this.#job);
    this.#workspaces = new Workspaces(this.workspace, this.#host.env);
  }

  /** What the Workflow would remember now: for `resume` of the next test job. */
  get memory(): TestJobMemory {
    return this.#job.memory;
  }

  /**
   * Runs a step to its end: verification, code, apply, record.
   * @throws QuestionAsked when a person would be asked; HoldfastError for the step's own failures below its attempts
   */
  async step<C extends StepContract>(
    contract: C,
    input: StepInput<C>,
    options: Partial<Omit<TestRequest, 'input' | 'step'>> = {},
  ): Promise<StepOutput<C>> {
    refuseUnknownOptions('step of a test job', options, RunStepRequestSchema.shape);
    const count = (this.#calls.get(contract.name) ?? 0) + 1;
    const stepId = options.stepId ?? (count === 1 ? contract.name : `${contract.name}#${count}`);
    const { output } = await this.run({ ...options, stepId, step: contract.name, input: input as Json });
    if (options.stepId === undefined) this.#calls.set(contract.name, count);
    return contract.output.parse(output) as StepOutput<C>;
  }

  /** The same for a request as a Workflow makes it. @throws as `step` */
  async run(request: TestRequest): Promise<StepDone> {
    this.#requested.add(request.stepId);
    try {
      return await this.#untilDone(request);
    } finally {
      this.#requested.delete(request.stepId);
    }
  }

  async #untilDone(request: TestRequest): Promise<StepDone> {
    for (let requests = 0; requests < MAX_REQUESTS; requests++) {
      const result = await this.ask(request);
      switch (result.kind) {
        case 'done':
          this.#job.noteDone(result);
          return result;
        case 'resumes':
        case 'verification-required': {
          const verified = await this.verify(...whyCompared(result), [...this.#requested]);
          if (verified.kind === 'question') throw new QuestionAsked(verified.question);
          this.#isJustCompared = true;
          break;
        }
        case 'other-generation':
          this.#job.setGeneration(request.stepId, result.generation);
          break;
        case 'question':
        case 'held':
          throw new QuestionAsked(result.question, 'others' in result ? result.others : []);
        case 'failed':
          throw new HoldfastError('step-failed', result.message);
      }
    }
    throw new HoldfastError('defect', `Step ${request.stepId} was requested ${MAX_REQUESTS} times without an end.`);
  }

  /** One request, one result: a question or a comparison that is due is returned, nothing is repeated. */
  async ask(request: TestRequest): Promise<RunStepResult> {
    // Only a comparison that was made for this very request excuses it.
    const mark = this.#isJustCompared ? this.#mark : undefined;
    this.#isJustCompared = false;
    const { term, known } = this.#job;
    const generation = this.#job.generationOf(request.stepId);
    const whole = { ...this.#identity, term, known, generation, ...defined({ mark }), ...request };
    return await this.#job.noting('runStep', whole, () =>
      runStepProtocol(this.#host, this.#workspaces, this.#caller(), whole),
    );
  }

  /**
   * Compares the world with the record. Safe to repeat. A difference is a result (`question`), no error.
   * @param requested steps that are waited for; what else is half applied is then finished. Default: nothing is
   * finished
   */
  async verify(
    reason: VerificationReason = 'asked',
    detail = 'by the test',
    requested?: readonly string[],
  ): Promise<VerifyWorldResult> {
    const asking = requested && [...requested];
    const request = { ...this.#verification, reason, detail, ...defined({ asking }) };
    const result = await verifyWorldProtocol(this.#host, this.#workspaces, this.#caller(), request);
    this.#job.term = result.term;
    if (result.kind === 'verified') {
      this.#mark = result.mark;
      this.#job.advance(result.at);
    }
    return result;
  }

  /** Answers a question; what can't be used is a result and changes nothing. @throws HoldfastError `bad-input` */
  async decide(
    question: Question,
    decision: Omit<Decision, 'digest' | 'by' | 'reason'> & Partial<Decision>,
  ): Promise<RepairResult> {
    refuseUnknownOptions('decide of a test job', decision, DecisionSchema.shape);
    const given = { digest: question.digest, by: 'test', reason: 'test', ...decision };
    const rebuild = { question, settings: this.#settings, known: this.#job.known };
    const result = await wholeRepair({ ...this.#identity, decision: given, rebuild }, (request) =>
      this.#job.noting('repair', request, () => repairProtocol(this.#host, this.#workspaces, this.#caller(), request)),
    );
    if (result.kind !== 'repaired') return result;
    this.#rewound.push(...this.#job.noteRepaired(result));
    if (isAboutTheWorld(question) && !this.#isUndoing) await this.verify('decided', question.digest.slice(0, 12));
    return result;
  }

  /**
   * Goes back to a checkpoint (`to`), or undoes the latest rewind (`undo`). What can't be is a result and changes
   * nothing. @throws HoldfastError `bad-input`
   */
  async rewind(given: Partial<Rewind>): Promise<RepairResult> {
    refuseUnknownOptions('rewind of a test job', given, RewindSchema.shape);
    const rewind = usableRewind({ by: 'test', reason: 'test', ...given });
    const request = { rewind, known: this.#job.known, ...this.#identity };
    const result = await this.#job.noting('rewind', request, () =>
      rewindProtocol(this.#host, this.#workspaces, this.#caller(), request),
    );
    if (result.kind === 'repaired') this.#rewound.push(...this.#job.noteRepaired(result));
    return result;
  }

  /**
   * Runs a whole plan; timers don't wait. Call it again after an answer: done steps answer from the record.
   * @throws QuestionAsked where a job would wait for a person; HoldfastError `bad-plan`, `bad-input`
   */
  async runPlan(plan: unknown, input: unknown = {}): Promise<PlanResult> {
    const run = (request: TestRequest): Promise<StepDone> => this.run(request);
    const steps: TestSteps = { known: () => this.#job.known, run, rewound: () => this.#rewound.splice(0) };
    return await runTestPlan(this.jobId, steps, plan, input);
  }

  /**
   * Undoes what the job did, newest first, as after an `abort` with `compensate`; then gives the workspace back. Call
   * it again after a question is answered.
   * @throws QuestionAsked; HoldfastError for a compensation's own failures below its attempts
   */
  async undo(options: TestUndoOptions = {}): Promise<UndoReport> {
    refuseUnknownOptions('undo of a test job', options, { by: true, reason: true, release: true });
    const { by = 'test', reason: why = 'test', release = true } = options;
    this.#isUndoing = true;
    for (let requests = 0; requests < MAX_REQUESTS; requests++) {
      const request = { ...this.#verification, reason: 'decided', detail: 'by the test', by, why } as const;
      const begun = await this.#job.noting('beginUndo', request, () =>
        beginUndoProtocol(this.#host, this.#workspaces, this.#caller(), request),
      );
      this.#job.term = begun.term;
      if (begun.kind === 'question') throw new QuestionAsked(begun.question);
      this.#job.advance(begun.at);
      if (begun.items.length === 0) {
        if (release) await this.release('aborted');
        return begun.report;
      }
      await this.#undoItems(begun.items, begun.mark);
    }
    throw new HoldfastError('defect', `The undoing of the job was begun ${MAX_REQUESTS} times without an end.`);
  }

  async #undoItems(items: readonly UndoItem[], mark: number): Promise<void> {
    for (const [index, [first, ...more]] of undoBatches(items).entries()) {
      const { term, known } = this.#job;
      const result = await undoStepProtocol(this.#host, this.#workspaces, this.#caller(), {
        ...first,
        ...this.#identity,
        term,
        known,
        ...defined({ mark: index === 0 ? mark : undefined, more: more.length === 0 ? undefined : more }),
      });
      if (result.kind === 'question') throw new QuestionAsked(result.question);
      if (result.kind === 'begin-again') return;
      this.#job.advance(result.at);
    }
  }

  /** Gives the workspace back, as a job that ends: another test job may then have it. */
  async release(outcome: 'completed' | 'failed' | 'aborted' | 'cancelled' = 'completed'): Promise<void> {
    await releaseProtocol(this.#host, this.#workspaces, this.#caller(), { ...this.#identity, outcome });
  }

  /** Closes what is open; a temporary workspace is removed, one that was given stays. */
  async close(): Promise<void> {
    await this.#workspaces.close();
    if (this.#isTemporary) rmSync(this.workspace, { recursive: true, force: true });
  }

  /** For `await using`: closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  get #identity() {
    return { jobId: this.jobId, workspace: this.workspace };
  }

  get #verification() {
    const { base, known, steps, decisions, continuedFrom } = this.#job;
    return {
      ...this.#identity,
      settings: this.#settings,
      base,
      known,
      holds: SeqRanges.of([...steps.map(([, , seq]) => seq), ...decisions]).list,
      ...defined({ continuedFrom }),
    };
  }

  #caller(): Caller {
    const { workflowId, runId } = this.#job;
    return {
      workflowId,
      runId,
      signal: new AbortController().signal,
      progress: () => undefined,
      log: (message) => void this.logs.push(message),
    };
  }
}
