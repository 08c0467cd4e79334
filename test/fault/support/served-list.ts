/** A job of lists on a real server, and the one worker process that it has at a time. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import type { Json } from '../../../src/model/canonical-json.ts';
import { testBundle } from '../../support/bundle.ts';
import { ended, killed, startChild, type StartedChild } from '../../support/child-process.ts';
import type { ForEachOrder } from '../../support/for-each-child.ts';
import { chainOf } from '../../support/ledger.ts';
import type { TestTemporal } from '../../support/temporal.ts';
import type { ListWorkerOrder } from './list-worker.ts';

const CHILD = new URL('./list-worker.ts', import.meta.url).pathname;

export class ServedList implements AsyncDisposable {
  readonly order: ListWorkerOrder;
  readonly handle: WorkflowHandle;
  worker: StartedChild | undefined;
  #isOver = false;

  private constructor(order: ListWorkerOrder, handle: WorkflowHandle) {
    this.order = order;
    this.handle = handle;
  }

  static async start(temporal: TestTemporal, order: ForEachOrder, plan: Json): Promise<ServedList> {
    const { address, namespace } = temporal;
    const taskQueue = temporal.unique('queue');
    const handle = await temporal.client.workflow.start('agentJob', {
      workflowId: temporal.unique('lists'),
      taskQueue,
      args: [{ plan, workspace: order.workspace }],
    });
    const { workflowId, firstExecutionRunId: firstRunId } = handle;
    const bundlePath = join(order.outside, 'bundle.json');
    writeFileSync(bundlePath, JSON.stringify(await testBundle()));
    const memory = { ...order.memory, workflowId, firstRunId };
    return new ServedList({ ...order, memory, address, namespace, taskQueue, bundlePath }, handle);
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
