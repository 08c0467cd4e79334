/** A job with a sub-plan on a real server, whose workers are killed where they are told to; what it leaves. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { agentJob } from '../../../src/workflows/agent-job.ts';
import { testBundle } from '../../support/bundle.ts';
import { linesOf, type Killing } from '../../support/killing.ts';
import { chainOf } from '../../support/ledger.ts';
import { sqliteRows } from '../../support/sqlite.ts';
import type { TestTemporal } from '../../support/temporal.ts';
import { Supervisor } from './supervisor.ts';
import type { WorkerOrder } from './worker-child.ts';

export interface SubPlanPlaces {
  readonly workspace: string;
  /** Of the sub-plan. */
  readonly part: string;
  readonly outside: string;
}

interface SubPlanJobs {
  readonly temporal: TestTemporal;
  readonly root: string;
  /** Its sub-plan works in the folder `part`; both have a SQLite database main.db with a table `note`. */
  readonly plan: unknown;
  /** See `WorkerOrder.parts`. */
  readonly parts: (places: SubPlanPlaces) => readonly string[];
  /** Done once it runs; its end is waited for. Default: nothing. */
  readonly act?: (handle: WorkflowHandle, places: SubPlanPlaces) => Promise<void>;
  /** Rejects where the job is to end so. Default: what the job returns. */
  readonly end?: (handle: WorkflowHandle) => Promise<unknown>;
}

export interface SubPlanEnd {
  readonly result: unknown;
  /** Of both records: kinds, and of steps which and under which generation. So nobody was asked. */
  readonly outer: readonly string[];
  readonly inner: readonly string[];
  readonly rows: unknown;
  /** Runs of Workflows that belong to the job. */
  readonly runs: number;
}

export interface SubPlanRun {
  readonly places: SubPlanPlaces;
  readonly end: SubPlanEnd;
  readonly killed: readonly string[];
  readonly hits: readonly string[];
}

/** Each call of the result runs one job, in a folder and on a Task Queue of its own. */
export async function subPlanJobs(jobs: SubPlanJobs): Promise<(killing?: Killing) => Promise<SubPlanRun>> {
  const bundlePath = join(jobs.root, 'bundle.json');
  writeFileSync(bundlePath, JSON.stringify(await testBundle()));
  let count = 0;
  return async (killing = {}) => await runOne(jobs, join(jobs.root, `job-${++count}`), { ...killing, bundlePath });
}

async function runOne(
  { temporal, plan, parts, act, end }: SubPlanJobs,
  folder: string,
  killing: Killing & Pick<WorkerOrder, 'bundlePath'>,
): Promise<SubPlanRun> {
  const [workspace, outside] = [join(folder, 'workspace'), join(folder, 'outside')];
  const places = { workspace, part: join(workspace, 'part'), outside };
  mkdirSync(outside, { recursive: true });
  const taskQueue = temporal.unique('queue');
  const { address, namespace } = temporal;
  const [killed, hits] = [join(outside, 'killed'), join(outside, 'hits')];
  const order = { workspace, outside, databaseUrl: 'sqlite:none.db', callUrl: '', address, namespace, taskQueue };
  const told = killing.killOnceAt === undefined ? { hits } : { killed };
  const supervisor = new Supervisor({ ...order, ...killing, ...told, parts: parts(places) });
  supervisor.start();
  try {
    const workflowId = temporal.unique('outer');
    const args: [{ plan: never; workspace: string }] = [{ plan: plan as never, workspace }];
    const handle = await temporal.client.workflow.start(agentJob, { workflowId, taskQueue, args });
    const whole = (async (): Promise<unknown> => {
      await act?.(handle, places);
      return await (end ?? ((one: WorkflowHandle) => one.result()))(handle);
    })();
    const result = await Promise.race([whole, supervisor.failure]);
    return {
      places,
      end: await endOf(temporal, places, workflowId, result),
      killed: linesOf(killed),
      hits: linesOf(hits),
    };
  } finally {
    await supervisor.stop();
  }
}

async function endOf(
  temporal: TestTemporal,
  { workspace, part }: SubPlanPlaces,
  workflowId: string,
  result: unknown,
): Promise<SubPlanEnd> {
  const ids = new Set<string>();
  let runs = 0;
  for await (const info of temporal.client.workflow.list({ query: `WorkflowId STARTS_WITH '${workflowId}'` })) {
    ids.add(info.workflowId);
    runs += 1;
  }
  const [sub, ...others] = [...ids].filter((id) => id !== workflowId);
  assert.deepEqual(others, [], 'the sub-plan has one job');
  const recordedBy = async (job: string, folder: string): Promise<readonly string[]> => {
    const { jobId } = await temporal.client.workflow.getHandle(job).query<{ readonly jobId: string }>('status');
    return chainOf(folder, jobId).map((record) =>
      record.kind === 'step' ? `${record.stepId} ${record.generation}` : record.kind,
    );
  };
  return {
    result,
    outer: await recordedBy(workflowId, workspace),
    inner: await recordedBy(sub!, part),
    rows: [workspace, part].map((folder) => sqliteRows(join(folder, 'main.db'), 'SELECT text FROM note')),
    runs,
  };
}
