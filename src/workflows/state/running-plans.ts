/** The jobs of a plan's sub-plans, as far as people see them from the job around them. */
import type { SubPlanStatus } from '../../model/job/status.ts';

export class RunningPlans {
  readonly #running = new Map<string, SubPlanStatus>();
  /** Steps that have said that a job is begun: the status counts them beside the plan's own. */
  readonly #begun = new Set<string>();
  /** What people should know of when the job ends. */
  readonly notes: string[] = [];

  begin(status: SubPlanStatus): void {
    this.#running.set(status.stepId, status);
  }

  noteBegun(stepId: string): void {
    this.#begun.add(stepId);
  }

  end(stepId: string): void {
    this.#running.delete(stepId);
  }

  get all(): readonly SubPlanStatus[] {
    return [...this.#running.values()];
  }

  get begun(): number {
    return this.#begun.size;
  }
}
