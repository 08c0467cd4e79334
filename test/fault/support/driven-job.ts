/**
 * A job driven as `openJob` drives it (gate, generations, decisions), over a `JobHistory` in place of a server: the
 * protocol itself is the real one. Kills are then cheap enough to try at every point.
 */
import { BUILT_IN_IMPLEMENTATIONS } from '../../../src/steps/built-in.ts';
import type { Caller, ProtocolHost } from '../../../src/protocol/host.ts';
import { releaseProtocol } from '../../../src/protocol/end/release.ts';
import { repairProtocol } from '../../../src/protocol/repair/repair.ts';
import { runStepProtocol } from '../../../src/protocol/step/run-step.ts';
import { verifyWorldProtocol } from '../../../src/protocol/verify/verify-world.ts';
import { Workspaces } from '../../../src/protocol/workspace/workspaces.ts';
import type { Json } from '../../../src/model/canonical-json.ts';
import type { Decision } from '../../../src/model/question/decision.ts';
import { DEFAULT_VERIFY_AFTER_MS, type JobSettings } from '../../../src/model/job/settings.ts';
import type { ChainPlace } from '../../../src/model/job/chain-place.ts';
import type { RunStepRequest, RunStepResult } from '../../../src/model/job/run-step.ts';
import type { VerificationReason, VerifyWorldResult } from '../../../src/model/job/verify-world.ts';
import { isAboutTheWorld, type Question } from '../../../src/model/question/question.ts';
import { GENESIS } from '../../../src/model/record/chain.ts';
import type { StepContract, StepImplementation, StepInput } from '../../../src/model/step/step.ts';
import { jobIdOf } from '../../../src/model/record/token.ts';
import { bootMoment } from '../../../src/store/life/boot-clock.ts';
import { thisProcess } from '../../../src/store/life/process-identity.ts';
import type { JobHistory } from './job-history.ts';

export interface DrivenJobOptions {
  readonly workspace: string;
  readonly history: JobHistory;
  readonly steps: readonly StepImplementation[];
  readonly databases: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The person: what to answer. Asked once a question; the answer is in the history with the repair. */
  readonly answer: (question: Question) => Pick<Decision, 'answer' | 'items'>;
  readonly runId?: string;
  readonly workerId?: string;
  /** The current Run by the server; default: this Run. */
  readonly currentRunId?: () => string;
}

const WORKFLOW_ID = 'driven';
const FIRST_RUN_ID = '00000000-0000-4000-8000-000000000001';
const MAX_ASKINGS = 60;

export const DRIVEN_JOB_ID = jobIdOf(WORKFLOW_ID, FIRST_RUN_ID);

export class DrivenJob {
  readonly #options: DrivenJobOptions;
  readonly #host: ProtocolHost;
  readonly #workspaces: Workspaces;
  readonly #settings: JobSettings;
  readonly #caller: Caller;
  readonly #generations = new Map<string, number>();
  readonly #steps: [string, number, number][] = [];
  readonly #rewound = new Set<string>();
  #term = 0;
  #known: ChainPlace = { seq: 0, head: GENESIS };

  constructor(options: DrivenJobOptions) {
    this.#options = options;
    const identity = thisProcess();
    const runId = options.runId ?? FIRST_RUN_ID;
    this.#host = {
      steps: new Map([...BUILT_IN_IMPLEMENTATIONS, ...options.steps].map((step) => [step.contract.name, step])),
      env: options.env,
      workspaceRoot: options.workspace,
      worker: { id: options.workerId ?? `${identity.pid}@${identity.startTime}`, identity },
      clock: bootMoment,
      currentRunId: async () => await Promise.resolve((options.currentRunId ?? (() => runId))()),
      isJobOpen: async (jobId) => await Promise.resolve(jobId === DRIVEN_JOB_ID),
      searchAttributes: false,
    };
    this.#workspaces = new Workspaces(options.workspace, options.env);
    this.#settings = { databases: options.databases, watch: [], verifyAfterMs: DEFAULT_VERIFY_AFTER_MS, plan: null };
    this.#caller = {
      workflowId: WORKFLOW_ID,
      runId,
      signal: new AbortController().signal,
      progress: () => undefined,
      log: () => undefined,
    };
  }

  generationOf(stepId: string): number {
    return this.#generations.get(stepId) ?? 0;
  }

  /** Steps that a decision made void since the last call of this method. */
  takeRewound(): readonly string[] {
    const rewound = [...this.#rewound];
    this.#rewound.clear();
    return rewound;
  }

  /** Something done to the world from outside, once. */
  async outside(name: string, act: () => void | Promise<void>): Promise<void> {
    await this.#options.history.activity(`outside ${name}`, async () => {
      await act();
      return null;
    });
  }

  async step<C extends StepContract>(
    contract: C,
    input: StepInput<C>,
    extra: Partial<RunStepRequest> = {},
  ): Promise<unknown> {
    const stepId = extra.stepId ?? contract.name;
    for (let asked = 0; asked < MAX_ASKINGS; asked++) {
      const result = await this.#options.history.activity(`runStep ${stepId}`, () =>
        this.ask(stepId, contract.name, input as Json, extra),
      );
      if (result.kind === 'done') {
        // A decision had the step run again meanwhile: this is the old generation's result.
        if (result.generation < this.generationOf(stepId)) continue;
        this.#advance(result.at);
        this.#steps.push([stepId, result.generation, result.at.seq]);
        this.#rewound.delete(stepId);
        return result.output;
      }
      await this.#follow(stepId, result);
    }
    throw new Error(`Step ${stepId} was asked ${MAX_ASKINGS} times without an end.`);
  }

  /** One request, one answer; not in the history. */
  async ask(stepId: string, step: string, input: Json, extra: Partial<RunStepRequest> = {}): Promise<RunStepResult> {
    return await runStepProtocol(this.#host, this.#workspaces, this.#caller, {
      jobId: DRIVEN_JOB_ID,
      workspace: this.#options.workspace,
      term: this.#term,
      known: this.#known,
      generation: this.generationOf(stepId),
      stepId,
      step,
      input,
      ...extra,
    });
  }

  /** Compares until nothing differs. */
  async verify(reason: VerificationReason, detail: string): Promise<void> {
    let last = '';
    for (let asked = 0; asked < MAX_ASKINGS; asked++) {
      const result = await this.#options.history.activity('verifyWorld', () => this.compare(reason, detail));
      this.#term = result.term;
      if (result.kind === 'verified') return this.#advance(result.at);
      last = result.question.findings
        .map(
          ({ resource, kind, expected, found }) =>
            `${resource} ${kind}, expected ${expected.text}, found ${found.text}`,
        )
        .join('; ');
      await this.decide(result.question);
      reason = 'decided';
    }
    throw new Error(`The world was compared ${MAX_ASKINGS} times and differed each time: ${last}`);
  }

  /** One comparison; not in the history. */
  async compare(reason: VerificationReason, detail: string): Promise<VerifyWorldResult> {
    return await verifyWorldProtocol(this.#host, this.#workspaces, this.#caller, {
      jobId: DRIVEN_JOB_ID,
      workspace: this.#options.workspace,
      settings: this.#settings,
      base: { seq: 0, head: GENESIS },
      known: this.#known,
      steps: this.#steps,
      reason,
      detail,
    });
  }

  async decide(question: Question): Promise<void> {
    const decision: Decision = {
      digest: question.digest,
      by: 'a person',
      reason: 'because',
      ...this.#options.answer(question),
    };
    const result = await this.#options.history.activity(`repair ${question.kind}`, () => this.repair(decision));
    if (result.kind === 'refused') throw new Error(`refused: ${result.problems.join('; ')}`);
    if (result.kind !== 'repaired') return;
    this.#term = result.term;
    this.#advance(result.at);
    for (const { stepId, generation } of result.reruns) {
      this.#generations.set(stepId, Math.max(generation, this.generationOf(stepId)));
      this.#rewound.add(stepId);
    }
  }

  /** One repair; not in the history. */
  async repair(decision: Decision): ReturnType<typeof repairProtocol> {
    return await repairProtocol(this.#host, this.#workspaces, this.#caller, {
      jobId: DRIVEN_JOB_ID,
      workspace: this.#options.workspace,
      decision,
    });
  }

  async release(): Promise<void> {
    const result = await this.#options.history.activity('release', () =>
      releaseProtocol(this.#host, this.#workspaces, this.#caller, {
        jobId: DRIVEN_JOB_ID,
        workspace: this.#options.workspace,
        outcome: 'completed',
      }),
    );
    if (!result.released) throw new Error(`not released: ${result.notes.join('; ')}`);
  }

  async close(): Promise<void> {
    await this.#workspaces.close();
  }

  async #follow(stepId: string, result: Exclude<RunStepResult, { kind: 'done' }>): Promise<void> {
    switch (result.kind) {
      case 'verification-required':
        return await this.verify(result.reason, result.detail);
      case 'other-generation':
        this.#generations.set(stepId, result.generation);
        return;
      case 'held':
      case 'question':
        await this.decide(result.question);
        if (isAboutTheWorld(result.question)) await this.verify('decided', 'a question');
        return;
      case 'resumes':
        return await this.verify('resumed', result.message);
      case 'failed':
        throw new Error(`${stepId}: ${result.message}`);
    }
  }

  #advance(at: ChainPlace): void {
    if (at.seq > this.#known.seq) this.#known = at;
  }
}
