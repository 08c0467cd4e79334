/**
 * `job.branches`: parts of a Workflow that run at the same time, each with writes of its own.
 *
 * Invariants
 * 1. What the branches write joins the state once all have ended, in the order in which they are listed: which was
 *    faster never shows. Where one fails, none of it does.
 * 2. A branch sees the state as it was when the branches began.
 * 3. The default ids of a branch's steps begin with its name: they don't hang on which branch came first either.
 */
import { HoldfastError } from '../../model/failure.ts';
import type { NodeWrites } from '../../model/state/state-write.ts';
import { ChannelNameSchema } from '../../model/state/state-write.ts';
import type { JobStatus } from '../../model/job/status.ts';
import type { StepContract, StepInput, StepOutput } from '../../model/step/step.ts';
import type { Approval, DecidedFinding, Job, StepOptions, UpdateOptions } from '../guarded-job.ts';
import { JobRestart, OtherState } from './body-outcome.ts';
import type { UserState } from './user-state.ts';

export type BranchBodies = Readonly<Record<string, (branch: Job) => Promise<unknown>>>;

export interface BranchesOf {
  readonly job: Job;
  readonly state: UserState;
  /** A step's id where its caller gives none. */
  readonly nextId: (name: string) => string;
}

/** @throws HoldfastError `bad-input`, `state-conflict`; what a branch throws, the first in the order of the list */
export async function runBranches(of: BranchesOf, bodies: BranchBodies): Promise<Readonly<Record<string, unknown>>> {
  const names = Object.keys(bodies);
  const bad = names.find((name) => !ChannelNameSchema.safeParse(name).success);
  if (bad !== undefined)
    throw new HoldfastError(
      'bad-input',
      `job.branches was given a branch "${bad}": expected a letter, then at most 79 letters, digits, _ or -.`,
    );
  const branches = names.map((name) => new Branch(name, of));
  const end = of.state.beginBranches();
  try {
    const outcomes = await untilEnded(branches.map(async (branch) => await bodies[branch.name]!(branch)));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    end(branches.flatMap(({ written }) => written));
    return Object.fromEntries(
      outcomes.map((outcome, index) => [names[index]!, 'value' in outcome ? outcome.value : undefined]),
    );
  } catch (failure) {
    end([]);
    throw failure;
  }
}

/** What unwinds the whole Workflow doesn't wait for what its branches wait for. @throws JobRestart, OtherState */
async function untilEnded(running: readonly Promise<unknown>[]): Promise<readonly PromiseSettledResult<unknown>[]> {
  return await new Promise((resolve, reject) => {
    for (const one of running)
      one.catch((error: unknown) => {
        if (error instanceof JobRestart || error instanceof OtherState) reject(error);
      });
    void Promise.allSettled(running).then(resolve);
  });
}

class Branch implements Job {
  readonly name: string;
  readonly written: NodeWrites[] = [];
  readonly state: Readonly<Record<string, unknown>>;
  readonly #of: BranchesOf;

  constructor(name: string, of: BranchesOf) {
    this.name = name;
    this.#of = of;
    this.state = of.state.values;
  }

  get jobId(): string {
    return this.#of.job.jobId;
  }

  get status(): JobStatus {
    return this.#of.job.status;
  }

  get decisions(): readonly DecidedFinding[] {
    return this.#of.job.decisions;
  }

  step<C extends StepContract>(contract: C, input: StepInput<C>, options: StepOptions = {}): Promise<StepOutput<C>> {
    const id = options.id ?? this.#of.nextId(`${this.name}/${contract.name}`);
    return this.#of.job.step(contract, input, { ...options, id });
  }

  sleep(durationMs: number): Promise<void> {
    return this.#of.job.sleep(durationMs);
  }

  update(values: Readonly<Record<string, unknown>>, options?: UpdateOptions): void {
    this.written.push(this.#of.state.writesOf(values, options, this.name));
  }

  branches(): Promise<never> {
    const message = `Branch "${this.name}" has branches of its own: expected one after the other, in the Workflow.`;
    return Promise.reject(new HoldfastError('bad-input', message));
  }

  checkpoint(): Promise<never> {
    const message = `Branch "${this.name}" calls checkpoint: expected a call of the job, once all branches have ended.`;
    return Promise.reject(new HoldfastError('bad-input', message));
  }

  approvalOf(stepId: string): Approval | undefined {
    return this.#of.job.approvalOf(stepId);
  }
}
