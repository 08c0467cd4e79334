/** Plans in memory: a job that notes what the scheduler requests, and a chain of three steps. */
import { type Json } from '../../src/model/canonical-json.ts';
import { digestOf } from '../../src/model/digest.ts';
import type { PlanJob, PlanStepRequest, PlanStepResult, SuperStepEnd } from '../../src/model/plan/run/plan-job.ts';
import { PlanSchema, type Plan } from '../../src/model/plan/plan.ts';

export function planOf(steps: readonly Record<string, Json>[], state: Record<string, Json> = {}): Plan {
  return PlanSchema.parse({
    schemaVersion: 1,
    name: 'run',
    workspace: 'w',
    state,
    steps: steps.map((step) => ({ use: 'work', ...step })),
  });
}

export type Work = (request: PlanStepRequest) => Promise<PlanStepResult> | PlanStepResult;

/** A job in memory that notes what was requested of it. */
export class NotedJob implements PlanJob {
  readonly jobId = 'job-1';
  readonly requests: PlanStepRequest[] = [];
  readonly ends: SuperStepEnd[] = [];
  readonly sleeps: number[] = [];
  readonly toRewind: string[] = [];
  readonly #work: Work;

  constructor(work: Work = ({ id }) => ({ output: id })) {
    this.#work = work;
  }

  async step(request: PlanStepRequest): Promise<PlanStepResult> {
    this.requests.push(request);
    return this.#work(request);
  }

  sleep(durationMs: number): Promise<void> {
    this.sleeps.push(durationMs);
    return Promise.resolve();
  }

  nowMs(): number {
    return Date.parse('2030-01-01T00:00:00Z');
  }

  rewound(): readonly string[] {
    return this.toRewind.splice(0);
  }

  onSuperStepEnd(end: SuperStepEnd): void {
    // `progress` is computed when it is read; the copy reads it now.
    this.ends.push({ ...end });
  }

  get ran(): readonly string[] {
    return this.requests.map(({ id }) => id);
  }
}

export const CHAIN = planOf(
  [
    { id: 'a', with: { city: '${{ input.city }}' }, state: { seen: '${{ output }}' } },
    { id: 'b', with: { from: '${{ steps.a.output }}', seen: '${{ state.seen }}' }, state: { seen: '${{ output }}' } },
    { id: 'c', needs: ['b'], with: { job: '${{ job.id }}' } },
  ],
  { seen: { reducer: 'append' } },
);

/** The work of random plans: the output tells step, input and version, so that anything stale shows. */
export function outputOf({ id, input }: PlanStepRequest, version: number): Json {
  return `${id}.${version}.${digestOf(input).slice(0, 8)}`;
}
