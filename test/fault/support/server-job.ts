/** The kill job as a plan on a real server, with its person: the same steps, edits and answers. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import type { JobStatus } from '../../../src/model/job/status.ts';
import { testBundle } from '../../support/bundle.ts';
import { agentJob } from '../../../src/workflows/agent-job.ts';
import { linesOf } from '../../support/killing.ts';
import type { TestTemporal } from '../../support/temporal.ts';
import { answerKillJob, editAsPerson, prepareWorld, REFUSED_CALLS } from './kill-job.ts';
import { effectsIn, filesIn } from './kill-run.ts';
import { changeRows, installAudit, lookAtDatabase } from './outside-database.ts';
import type { Supervisor } from './supervisor.ts';
import type { WorkerOrder } from './worker-child.ts';

const JOB_LIMIT_MS = 300_000;
const AGAIN_MS = 3_000;

const step = (
  id: string,
  needs: readonly string[],
  more: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> => ({ id, use: id, with: {}, needs, ...more });
const pause = (id: string, needs: string): Readonly<Record<string, unknown>> => ({
  id,
  use: 'file.write',
  with: { path: `${id}.txt`, content: id },
  needs: [needs],
  approval: 'before-apply',
});

export const PLAN = {
  schemaVersion: 1,
  name: 'kills',
  workspace: 'workspace',
  databases: { main: { url: 'sqlite:db/main.db' } },
  steps: [
    {
      id: 'extra',
      use: 'db.sql',
      with: { database: 'main', sql: 'CREATE TABLE extra (id INTEGER PRIMARY KEY)', writes: ['extra'] },
    },
    step('gather', ['extra']),
    step('change', ['gather']),
    step('careful', ['change'], { approval: 'before-apply' }),
    step('build', ['careful']),
    step('summary', ['build']),
    step('charge', ['summary'], { retry: { maxAttempts: REFUSED_CALLS + 2, initialIntervalMs: 10 } }),
    pause('edits', 'charge'),
    pause('again', 'edits'),
    { id: 'clash', use: 'pair', with: { folder: 'clash', row: 7 }, needs: ['again'] },
    { id: 'undone', use: 'pair', with: { folder: 'undone', row: 8 }, needs: ['clash'] },
  ],
};

export interface ServerJob {
  readonly order: WorkerOrder;
  readonly handle: WorkflowHandle<typeof agentJob>;
  /** Answers what is asked until the job ends; returns what it left. */
  attend(supervisor: Supervisor): Promise<ServerJobEnd>;
  remove(): void;
}

export interface ServerJobEnd {
  readonly outputs: unknown;
  readonly files: Readonly<Record<string, string>>;
  readonly database: unknown;
  /** How often the calls took effect on the other side, by a name for each key. */
  readonly effects: readonly number[];
  readonly killed: readonly string[];
}

let bundle: Promise<string> | undefined;

async function bundleAt(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-bundle-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'bundle.json');
  writeFileSync(path, JSON.stringify(await testBundle()));
  return path;
}

export async function startServerJob(
  temporal: TestTemporal,
  more: Partial<WorkerOrder> = {},
  plan: unknown = PLAN,
): Promise<ServerJob> {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-server-'));
  const workspace = join(root, 'workspace');
  const order: WorkerOrder = {
    workspace,
    outside: join(root, 'outside'),
    databaseUrl: `sqlite:${join(workspace, 'db/main.db')}`,
    address: temporal.address,
    namespace: temporal.namespace,
    taskQueue: temporal.unique('queue'),
    bundlePath: await (bundle ??= bundleAt()),
    killed: join(root, 'outside', 'killed'),
    ...more,
  };
  mkdirSync(order.outside, { recursive: true });
  mkdirSync(join(workspace, 'db'), { recursive: true });
  prepareWorld(order);
  await changeRows(order.databaseUrl, [
    'CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL, size INTEGER NOT NULL)',
    'CREATE TABLE tally (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)',
  ]);
  await installAudit(order.databaseUrl);
  const handle = await temporal.client.workflow.start(agentJob, {
    workflowId: temporal.unique('kills'),
    taskQueue: order.taskQueue,
    args: [{ plan: plan as never, workspace: order.workspace }],
  });
  return {
    order,
    handle,
    attend: async (supervisor) => {
      const person = new Person(temporal, order, handle, () => supervisor.replace());
      await Promise.race([supervisor.failure, person.attend()]);
      const result = await handle.result();
      return {
        outputs: result.outputs,
        files: filesIn(workspace),
        database: await lookAtDatabase(order.databaseUrl),
        effects: effectsIn(order.outside),
        killed: linesOf(join(order.outside, 'killed')),
      };
    },
    remove: () => rmSync(root, { recursive: true, force: true, maxRetries: 5 }),
  };
}

/** Looks for questions, and answers each once. */
export class Person {
  readonly #order: WorkerOrder;
  readonly #handle: WorkflowHandle<typeof agentJob>;
  readonly #temporal: TestTemporal;
  readonly #replaceWorker: () => Promise<void>;
  readonly #answeredMs = new Map<string, number>();
  readonly #acted = new Set<string>();

  constructor(
    temporal: TestTemporal,
    order: WorkerOrder,
    handle: WorkflowHandle<typeof agentJob>,
    replaceWorker: () => Promise<void>,
  ) {
    this.#temporal = temporal;
    this.#order = order;
    this.#handle = handle;
    this.#replaceWorker = replaceWorker;
  }

  async attend(): Promise<void> {
    for (const end = Date.now() + JOB_LIMIT_MS; ;) {
      const { status } = await this.#handle.describe();
      if (status.name !== 'RUNNING') return;
      assert.ok(
        Date.now() < end,
        `the job did not end within ${JOB_LIMIT_MS} ms: ${JSON.stringify(await this.#status(), null, 1)}`,
      );
      const shown = await this.#status();
      for (const question of shown?.questions ?? []) await this.#answer(question);
      await delay(50);
    }
  }

  async #answer(question: JobStatus['questions'][number]): Promise<void> {
    const sinceMs = Date.now() - (this.#answeredMs.get(question.digest) ?? 0);
    if (sinceMs < AGAIN_MS) return;
    if (question.kind === 'approval' && question.stepId !== undefined) await this.#actBefore(question.stepId);
    const isPause = question.stepId === 'edits' || question.stepId === 'again';
    const answer = question.kind === 'approval' && isPause ? { answer: 'approve' } : answerKillJob(question);
    this.#answeredMs.set(question.digest, Date.now());
    await this.#handle.signal('decide', { digest: question.digest, by: 'a person', reason: 'because', ...answer });
  }

  /** While the job waits for an approval, the world changes. */
  async #actBefore(stepId: string): Promise<void> {
    const { workspace, databaseUrl } = this.#order;
    if (this.#acted.has(stepId)) return;
    this.#acted.add(stepId);
    if (stepId === 'edits') await editAsPerson({ workspace, databaseUrl });
    if (stepId === 'again') writeFileSync(join(workspace, 'out/deep/summary.txt'), 'a person knows better\n');
    // A new worker compares the world before it does anything.
    if (stepId === 'edits' || stepId === 'again') await this.#replaceWorker();
  }

  async #status(): Promise<JobStatus | undefined> {
    try {
      // With a deadline: none may still be under way when the connection is closed.
      return await this.#temporal.connection.withDeadline(Date.now() + 2_000, () =>
        this.#handle.query<JobStatus>('status'),
      );
    } catch {
      // No worker answers just now.
      return undefined;
    }
  }
}

/** With `ctx.once` values evened out, after a check that each has one value wherever it went. */
export function comparableEnd({ outputs, files, database, effects }: ServerJobEnd): unknown {
  const sample = (outputs as Record<string, { text: string }>)['gather']!.text;
  for (const path of ['keep/old.txt', 'data/raw/in.txt', 'out/deep/summary.txt'])
    assert.ok(files[path]!.includes(sample), `${sample} became another value: ${files[path]}`);
  return JSON.parse(JSON.stringify({ outputs, files, database, effects }).replaceAll(/once:\d+/g, 'once:N')) as unknown;
}
