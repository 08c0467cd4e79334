/**
 * Lists of a job on a real server whose workers are killed by SIGKILL: by a point of their own and from outside, while
 * the lists run and while they are undone. Nothing restarts a job: it ends by itself, with each item's effect once.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import type { Json } from '../../src/model/canonical-json.ts';
import { testBundle } from '../support/bundle.ts';
import { ended, killed, startChild, type StartedChild } from '../support/child-process.ts';
import { CountingServer } from '../support/counting-server.ts';
import { listPlan, type ForEachOrder } from '../support/for-each-child.ts';
import { ForEachKills } from '../support/for-each-kills.ts';
import { linesOf } from '../support/killing.ts';
import { chainOf } from '../support/ledger.ts';
import { comparable, lookAt, SubStepKills } from '../support/sub-step-kills.ts';
import { testTemporal } from '../support/temporal.ts';
import { untilTrue } from '../support/until.ts';
import type { ListWorkerOrder } from './support/list-worker.ts';

const CHILD = new URL('./support/list-worker.ts', import.meta.url).pathname;
/** Each in a list of another kind, or in the middle of one. */
const WHILE_IT_RUNS = ['perform.call-after', 'seal.after', 'commit.file-renamed', 'commit.database-after'] as const;
const WHILE_IT_IS_UNDONE = ['seal.after', 'commit.file-renamed', 'record.after'] as const;
const PATIENCE_MS = 120_000;
const temporal = await testTemporal();
const root = mkdtempSync(join(tmpdir(), 'holdfast-lists-'));
after(() => rmSync(root, { recursive: true, force: true }));
const bundlePath = join(root, 'bundle.json');
writeFileSync(bundlePath, JSON.stringify(await testBundle()));

/** A job on the server, and the one worker that it has at a time. */
class ServedJob implements AsyncDisposable {
  readonly order: ListWorkerOrder;
  readonly handle: WorkflowHandle;
  worker: StartedChild | undefined;
  #isOver = false;

  private constructor(order: ListWorkerOrder, handle: WorkflowHandle) {
    this.order = order;
    this.handle = handle;
  }

  static async start(order: ForEachOrder, plan: Json): Promise<ServedJob> {
    const { address, namespace } = temporal;
    const taskQueue = temporal.unique('queue');
    const handle = await temporal.client.workflow.start('agentJob', {
      workflowId: temporal.unique('lists'),
      taskQueue,
      args: [{ plan, workspace: order.workspace }],
    });
    const { workflowId, firstExecutionRunId: firstRunId } = handle;
    const memory = { ...order.memory, workflowId, firstRunId };
    return new ServedJob({ ...order, memory, address, namespace, taskQueue, bundlePath }, handle);
  }

  get jobId(): string {
    const { workflowId, firstRunId } = this.order.memory;
    return `${workflowId}@${firstRunId}`;
  }

  begin(more: Partial<ListWorkerOrder> = {}): void {
    this.worker = startChild({ script: CHILD, order: { ...this.order, ...more } });
  }

  async kill(): Promise<void> {
    await killed(this.worker!.process);
  }

  /** Whoever dies gets a successor. Returns how often that was. */
  async untilItEnds(more: Partial<ListWorkerOrder>): Promise<number> {
    const over = this.handle
      .result()
      .catch(() => undefined)
      .finally(() => (this.#isOver = true));
    let workers = 0;
    for (; !this.#isOver; workers++) {
      this.begin(more);
      await Promise.race([ended(this.worker!.process), over]);
      assert.ok(this.#isOver || this.worker!.process.signalCode === 'SIGKILL', this.worker!.printed());
    }
    return workers - 1;
  }

  recorded(kind: 'step' | 'undone'): readonly string[] {
    return chainOf(this.order.workspace, this.jobId).flatMap((record) =>
      record.kind === kind ? [(record as { stepId: string }).stepId] : [],
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.worker !== undefined) await this.kill();
    await this.handle.terminate().catch(() => undefined);
  }
}

for (const within of ['activity', 'workflow'] as const) {
  test(`within the ${within}: workers killed while lists run; the job goes on, each item’s effect once`, async (t) => {
    await using server = await CountingServer.start();
    using kills = new ForEachKills({ within, url: server.url });
    using places = new SubStepKills();
    const wanted = comparable(await kills.untilItEnds('reference', {}));
    const order = { ...places.place('served'), within, url: server.url };
    await using job = await ServedJob.start(order, listPlan(order));
    const [workers] = await Promise.all([
      job.untilItEnds({ killOnceAt: WHILE_IT_RUNS }),
      untilTrue(() => existsSync(join(order.outside, 'ran')), { limitMs: PATIENCE_MS, everyMs: 5 }).then(() =>
        job.kill(),
      ),
    ]);
    t.diagnostic(`${workers} workers killed`);
    const { outputs } = (await job.handle.result()) as { outputs: Record<string, unknown> };
    const end = { output: [outputs['own'], outputs['files']] } as never;
    assert.deepEqual(linesOf(order.killed!).toSorted(), WHILE_IT_RUNS.toSorted());
    assert.deepEqual(comparable(await lookAt(job.order, end)), wanted);
    // Those of the reference, and this job's.
    assert.equal(server.effects(), 2 * 3);
  });

  test(`within the ${within}: a list that is partly done is undone, newest first, each item once`, async (t) => {
    using places = new SubStepKills();
    const order = { ...places.place('undone'), within, url: 'http://127.0.0.1:9' };
    const each = { items: Array.from({ length: 40 }, (_, place) => place), within };
    const write = { path: 'files/${{ item }}.txt', content: 'number ${{ item }}' };
    const plan = {
      schemaVersion: 1,
      name: 'undone',
      workspace: '.',
      steps: [
        { id: 'before', use: 'file.write', with: { path: 'before.txt', content: 'before' } },
        { id: 'each', use: 'file.write', needs: ['before'], forEach: each, with: write },
        { id: 'gate', use: 'file.write', needs: ['each'], approval: 'before-apply', with: { path: 'g', content: 'g' } },
      ],
    };
    await using job = await ServedJob.start(order, plan);
    job.begin();
    const has = (place: number): boolean => existsSync(join(order.workspace, `files/${place}.txt`));
    await untilTrue(() => has(4), { limitMs: PATIENCE_MS, everyMs: 1 });
    await job.kill();
    const done = job.recorded('step');
    t.diagnostic(`${done.length} records, ${has(39) ? 'all' : 'some'} items begun`);
    await job.handle.signal('abort', { by: 'a person', reason: 'because', compensate: true });
    const workers = await job.untilItEnds({ killOnceAt: WHILE_IT_IS_UNDONE });
    t.diagnostic(`${workers} workers killed`);
    assert.deepEqual(linesOf(order.killed!).toSorted(), WHILE_IT_IS_UNDONE.toSorted());
    const undone = job.recorded('undone');
    assert.deepEqual(undone, job.recorded('step').toReversed(), 'newest first, each once');
    assert.ok(undone.length >= done.length && undone.length < 42, `${undone.length} undone`);
    assert.deepEqual(Object.keys((await lookAt(job.order, {} as never)).files), ['outer-input.txt']);
  });
}
