/** The job of a child process that is told where it works and where it goes on, on one database. */
import type { StepImplementation } from '../../src/model/step/step.ts';
import { openTestJob, type TestJob, type TestJobMemory } from '../../src/testing.ts';

export interface ChildOrder {
  readonly workspace: string;
  readonly databaseUrl: string;
  /** Of the server that its steps may call. Default: they call none. */
  readonly url?: string;
  readonly memory: TestJobMemory;
}

/** @param workerId another one for each that takes over from the last */
export function openChildJob(
  { workspace, databaseUrl, url, memory }: ChildOrder,
  steps: readonly StepImplementation[],
  workerId = `worker-${process.pid}`,
): TestJob {
  return openTestJob({
    workspace,
    resume: memory,
    steps,
    databases: { main: '${{ env.DATABASE_URL }}' },
    env: { DATABASE_URL: databaseUrl },
    ...(url !== undefined && { http: { hosts: [url] } }),
    workerId,
  });
}
