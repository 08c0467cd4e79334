/** The job as a user's Workflow sees it: what every job can do, and the state of its own. */
import type { JsonObject } from '../../model/canonical-json.ts';
import type { JobStatus } from '../../model/job/status.ts';
import type { StepContract, StepInput, StepOutput } from '../../model/step/step.ts';
import type { Approval, CheckpointOptions, DecidedFinding, Job, StepOptions, UpdateOptions } from '../guarded-job.ts';
import { runBranches, type BranchBodies } from './branches.ts';
import type { JobCore } from './core.ts';
import type { UserState } from './user-state.ts';

type Returned<B extends BranchBodies> = { readonly [K in keyof B]: Awaited<ReturnType<B[K]>> };

export class OwnJob implements Job {
  readonly #core: JobCore;
  readonly #state: UserState;

  constructor(core: JobCore, state: UserState) {
    this.#core = core;
    this.#state = state;
  }

  get jobId(): string {
    return this.#core.jobId;
  }

  get status(): JobStatus {
    return this.#core.parts.view.status;
  }

  get decisions(): readonly DecidedFinding[] {
    return this.#core.parts.decided.latest;
  }

  get state(): JsonObject {
    return this.#state.values;
  }

  approvalOf(stepId: string): Approval | undefined {
    return this.#core.calls.approvalOf(stepId);
  }

  step<C extends StepContract>(contract: C, input: StepInput<C>, options: StepOptions = {}): Promise<StepOutput<C>> {
    return this.#core.userSteps.step(contract, input, options) as Promise<StepOutput<C>>;
  }

  sleep(durationMs: number): Promise<void> {
    return this.#core.waits.sleep(durationMs);
  }

  update(values: Readonly<Record<string, unknown>>, options?: UpdateOptions): void {
    this.#state.update(values, options);
  }

  checkpoint(options?: CheckpointOptions): Promise<void> {
    try {
      this.#core.ownCheckpoints?.checkpoint(options);
      return Promise.resolve();
    } catch (refused) {
      return Promise.reject(refused as Error);
    }
  }

  async branches<B extends BranchBodies>(bodies: B): Promise<Returned<B>> {
    const of = { job: this, state: this.#state, nextId: (name: string) => this.#core.calls.nextId(name) };
    return (await runBranches(of, bodies)) as Returned<B>;
  }
}
