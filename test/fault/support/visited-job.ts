/**
 * A job of real steps on a real server, with worker processes that a test freezes, moves and puts back, and what it has
 * done as somebody outside counts it: rows by a trigger, calls by a file, steps by the record.
 */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isGrpcDeadlineError, type WorkflowHandle } from '@temporalio/client';
import type { JobStatus } from '../../../src/model/job/status.ts';
import { defined } from '../../../src/model/defined.ts';
import { agentJob } from '../../../src/workflows/agent-job.ts';
import { testBundle } from '../../support/bundle.ts';
import { killed, startChild, type StartedChild } from '../../support/child-process.ts';
import type { Container } from '../../support/container.ts';
import { statusOf } from '../../support/job-status.ts';
import { linesOf } from '../../support/killing.ts';
import { stepRecordsOf } from '../../support/ledger.ts';
import { MovedClock } from '../../support/moved-clock.ts';
import { sqliteRows, sqliteScript } from '../../support/sqlite.ts';
import type { TestTemporal } from '../../support/temporal.ts';
import { until } from '../../support/until.ts';
import type { VisitedOrder } from './visited-worker.ts';

const CHILD = new URL('./visited-worker.ts', import.meta.url).pathname;
/** The least that a plan may say: a frozen worker's attempt is given up after it. */
export const HEARTBEAT_TIMEOUT_MS = 5_000;
const JOB_LIMIT_MS = 120_000;

type Asked = JobStatus['questions'][number];

export interface VisitedWorker {
  readonly clock?: MovedClock;
  readonly container?: Container;
  readonly stopAt?: string;
  /** Where it finds the server. Default: where the test does. */
  readonly address?: string;
  /** Holds the workspaces. Default: the folder that the job began in. */
  readonly root?: string;
}

interface Given {
  readonly answer?: string;
  readonly items?: object;
  readonly result?: string;
}

interface Command {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  json<T>(): T;
}

let bundle: Promise<string> | undefined;

/** A step of the worker's. */
export const visit = (id: string, row: number, needs: readonly string[], more: object = {}): object => ({
  id,
  use: 'visit',
  with: { id, row },
  needs,
  ...more,
});

/** a → b → c, which a person approves → d. */
export const FOUR_STEPS = [
  visit('a', 1, []),
  visit('b', 2, ['a']),
  visit('c', 3, ['b'], { approval: 'before-apply' }),
  visit('d', 4, ['c']),
] as const;

export class VisitedJob {
  readonly #temporal: TestTemporal;
  readonly #folder = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-visited-')));
  readonly #children: ChildProcess[] = [];
  readonly taskQueue: string;
  handle!: WorkflowHandle<typeof agentJob>;

  constructor(temporal: TestTemporal) {
    this.#temporal = temporal;
    this.taskQueue = temporal.unique('queue');
    mkdirSync(this.outside, { recursive: true });
    mkdirSync(this.workspace, { recursive: true });
    sqliteScript(
      this.at('main.db'),
      'CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL); CREATE TABLE audit (id INTEGER); ' +
        'CREATE TRIGGER counted AFTER INSERT ON note BEGIN INSERT INTO audit VALUES (NEW.id); END',
    );
  }

  /** Where the job's folder is; a test that moves it says so. */
  workspace = join(this.#folder, 'root/workspace');

  /** What is no part of the workspace. */
  readonly outside = join(this.#folder, 'outside');

  /** Beside them. */
  beside(name: string): string {
    return join(this.#folder, name);
  }

  at(place: string): string {
    return join(this.workspace, place);
  }

  text(place: string): string {
    return readFileSync(this.at(place), 'utf8');
  }

  async startWorker(options: VisitedWorker = {}): Promise<StartedChild> {
    const { clock, container, stopAt } = options;
    const { address = this.#temporal.address, root = join(this.workspace, '..') } = options;
    const { namespace } = this.#temporal;
    const order: VisitedOrder = {
      address,
      namespace,
      taskQueue: this.taskQueue,
      root,
      outside: this.outside,
      bundlePath: await (bundle ??= bundleAt()),
      ...defined({ stopAt }),
    };
    const worker = startChild({ script: CHILD, order, container, ...defined({ env: clock?.env }) });
    this.#children.push(worker.process);
    await worker.said('ready');
    assert.equal(worker.process.exitCode, null, worker.printed());
    return worker;
  }

  async start(plan: object = {}): Promise<void> {
    this.handle = await this.#temporal.client.workflow.start(agentJob, {
      workflowId: this.#temporal.unique('visited'),
      taskQueue: this.taskQueue,
      args: [
        {
          plan: {
            schemaVersion: 1,
            name: 'visited',
            workspace: 'workspace',
            databases: { main: { url: 'sqlite:main.db' } },
            heartbeatTimeoutMs: HEARTBEAT_TIMEOUT_MS,
            steps: FOUR_STEPS,
            ...plan,
          } as never,
        },
      ],
    });
  }

  async untilDone(...ids: readonly string[]): Promise<JobStatus> {
    const isDone = (id: string, { steps }: JobStatus): boolean =>
      steps.some((step) => step.id === id && step.state === 'done');
    return await this.until((status) => ids.every((id) => isDone(id, status)));
  }

  /** The status as soon as it holds. The server may ask a frozen worker for it, which it believes to be there. */
  async until(holds: (status: JobStatus) => boolean): Promise<JobStatus> {
    const look = async (): Promise<JobStatus | undefined> =>
      await statusOf(this.handle).catch((error: unknown) => {
        if (isGrpcDeadlineError((error as Error).cause)) return undefined;
        throw error;
      });
    const found = await until(look, (status) => status !== undefined && holds(status), {
      limitMs: JOB_LIMIT_MS,
      everyMs: 200,
    });
    return found!;
  }

  /** A question of this kind. Fails at once when another kind is asked. */
  async asked(kind: string): Promise<Asked> {
    const { questions } = await this.until((status) => status.questions.length > 0);
    assert.deepEqual(
      questions.map((question) => question.kind),
      [kind],
      JSON.stringify(questions.map(({ findings }) => findings)),
    );
    return questions[0]!;
  }

  async answer({ digest }: Asked, decision: Given): Promise<void> {
    await this.handle.signal('decide', { digest, by: 'a person', reason: 'because', ...decision });
    await this.until(({ questions }) => !questions.some((question) => question.digest === digest));
  }

  async approve(): Promise<void> {
    await this.answer(await this.asked('approval'), { answer: 'approve' });
  }

  /** The job ends, and each step has had each of its effects once. */
  async endsWithEachEffectOnce(ids: readonly string[] = ['a', 'b', 'c', 'd']): Promise<void> {
    await this.handle.result();
    const { jobId } = await this.handle.query<JobStatus>('status');
    const rows = sqliteRows(this.at('main.db'), 'SELECT text FROM note ORDER BY id');
    assert.deepEqual(
      rows.map(({ text }) => text),
      ids,
    );
    assert.equal(sqliteRows(this.at('main.db'), 'SELECT id FROM audit').length, ids.length, 'each row once');
    assert.deepEqual(this.calls().toSorted(), ids, 'each call once');
    for (const id of ids) {
      assert.equal(this.text(`${id}.txt`), `rung ${id}\n`);
      assert.equal(stepRecordsOf(this.workspace, jobId, id).length, 1, `the record of ${id}`);
    }
    assert.deepEqual(this.temporaryFiles(), [], 'nothing of an attempt is left');
  }

  /** A command in a process of its own, on a host whose clock shows this. */
  async holdfast(args: readonly string[], shows: string): Promise<Command> {
    const cli = new URL('../../../src/cli.ts', import.meta.url).pathname;
    const env = { ...process.env, ...this.#temporal.env, ...new MovedClock(this.outside, shows).env, NO_COLOR: '1' };
    const child = spawn(process.execPath, ['--conditions=holdfast-source', cli, ...args], { cwd: this.outside, env });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk) => (out += String(chunk)));
    child.stderr.on('data', (chunk) => (err += String(chunk)));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, out, err, json: <T>() => JSON.parse(out) as T };
  }

  /** Steps whose call has reached the other side, as often as it has. */
  calls(): readonly string[] {
    return linesOf(join(this.outside, 'calls')).map((line) => line.split(' ')[0]!);
  }

  /** Steps whose code has begun, as often as it has. */
  runs(): readonly string[] {
    return linesOf(join(this.outside, 'runs'));
  }

  /** Kills what still runs, frozen or not, and removes the folders. */
  async remove(): Promise<void> {
    await this.handle?.terminate().catch(() => undefined);
    for (const child of this.#children) await killed(child);
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  temporaryFiles(): readonly string[] {
    return existsSync(this.workspace) ? readdirSync(this.workspace).filter((name) => name.includes('.holdfast-')) : [];
  }
}

async function bundleAt(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-bundle-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'bundle.json');
  writeFileSync(path, JSON.stringify(await testBundle()));
  return path;
}
