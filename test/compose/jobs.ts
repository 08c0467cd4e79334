/** The jobs of the test, and what they must have left: each effect once, in the database and on the volume. */
import assert from 'node:assert/strict';
import path from 'node:path';
import pg from 'pg';
import { JobStatusSchema, type JobStatus } from '../../src/model/job/status.ts';
import { until, untilFound } from '../support/until.ts';
import { root, type Project } from './project.ts';

const PLAN = path.join(root, 'test/compose/plan.yaml');
/** A lost worker's Activity is noticed by its heartbeat, and a worker's container needs some seconds to start. */
const END_LIMIT_MS = 180_000;
const BEGIN_LIMIT_MS = 60_000;

export async function database<T>(project: Project, body: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(`postgres://app:app@127.0.0.1:${project.ports.database}/app`);
  await client.connect();
  try {
    return await body(client);
  } finally {
    await client.end();
  }
}

export interface Job {
  readonly id: string;
  /** Its workspace, of the workers' volume. Default: as its id. */
  readonly folder?: string;
  readonly commandSeconds: number;
}

export async function startJob(project: Project, { id, folder = id, commandSeconds }: Job): Promise<void> {
  const args = ['start', PLAN, '--id', id, `folder=${folder}`, `seconds=${commandSeconds}`];
  const { code, stdout, stderr } = await project.holdfast(args);
  assert.equal(code, 0, stderr + stdout);
}

/** @returns the containers that began the job's command, in order, as soon as there are so many */
export async function untilBegun(project: Project, folder: string, times: number): Promise<string[]> {
  return until(
    async () => begun(project, folder),
    (containers) => containers.length >= times,
    {
      what: `the command of ${folder} begun ${times} times`,
      limitMs: times === 1 ? BEGIN_LIMIT_MS : END_LIMIT_MS,
      everyMs: 200,
    },
  );
}

export async function statusOf(project: Project, job: string): Promise<JobStatus> {
  const { stdout, stderr } = await project.holdfast(['status', job, '--json']);
  assert.ok(stdout.startsWith('{'), stderr + stdout);
  const { ok: _ok, ...status } = JSON.parse(stdout) as Record<string, unknown>;
  return JobStatusSchema.parse(status);
}

export async function untilCompleted(project: Project, job: string): Promise<void> {
  const status = await until(
    async () => statusOf(project, job),
    ({ state }) => ['completed', 'waiting', 'failed', 'aborted', 'cancelled'].includes(state),
    { what: `the end of ${job}`, limitMs: END_LIMIT_MS, everyMs: 1_000 },
  );
  assert.equal(status.state, 'completed', JSON.stringify(status.questions, null, 1));
}

export async function untilWaiting(project: Project, job: string, kind: string): Promise<void> {
  await until(
    async () => statusOf(project, job),
    ({ questions }) => questions.some(({ findings }) => findings.some((finding) => finding.kind === kind)),
    { what: `a question of ${job} about ${kind}`, limitMs: END_LIMIT_MS, everyMs: 500 },
  );
}

/** Each row once, each file as the plan says, and the record agrees with the world. */
export async function assertOnce(project: Project, job: string, worker: string): Promise<void> {
  const rows = await database(project, async (client) =>
    client.query<{ step: string }>('select step from effect where job = $1 order by id', [job]),
  );
  assert.deepEqual(
    rows.rows.map(({ step }) => step),
    ['before', 'after'],
  );
  assert.equal(await project.onVolume(worker, `${job}/note.txt`), `from ${job}\n`);
  assert.equal(await project.onVolume(worker, `${job}/slow.txt`), 'done\n');
  assert.equal(await project.onVolume(worker, `${job}/copy.txt`), 'done\n');
  await project.inWorker(worker, ['verify', `/workspaces/${job}`]);
}

/** The name of the container that has this host name. */
export async function containerOf(project: Project, hostName: string): Promise<string> {
  return untilFound(async () => {
    for (const { Name } of await project.containers('worker')) {
      const id = await project.docker(['inspect', '--format', '{{.Config.Hostname}}', Name]);
      if (id.trim() === hostName) return Name;
    }
    return undefined;
  });
}

/** Read in any worker that lives: they share the volume. */
async function begun(project: Project, folder: string): Promise<string[]> {
  for (const { Name, State } of await project.containers('worker')) {
    if (State !== 'running') continue;
    const hosts = (await project.onVolume(Name, `began-${folder}`)).split('\n').filter((line) => line !== '');
    if (hosts.length > 0) return hosts;
  }
  return [];
}
