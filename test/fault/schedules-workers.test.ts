/**
 * Several workers on one Task Queue: each is covered by one comparison, and they don't make each other compare for
 * ever.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createWorker } from '../../src/worker.ts';
import { testBundle } from '../support/bundle.ts';
import { agentJob } from '../../src/workflows/agent-job.ts';
import { testTemporal } from '../support/temporal.ts';

const STEPS = 12;
const WORKERS = 2;

test(`${WORKERS} workers on one Task Queue compare the world at most once each`, async () => {
  const temporal = await testTemporal();
  const taskQueue = temporal.unique('queue');
  const root = mkdtempSync(join(tmpdir(), 'holdfast-workers-'));
  const workflowBundle = await testBundle();
  const workers = await Promise.all(
    Array.from({ length: WORKERS }, (_, index) =>
      createWorker({
        address: temporal.address,
        namespace: temporal.namespace,
        taskQueue,
        workspaceRoot: root,
        workflowBundle,
        identity: `worker-${index}`,
        // One Activity at a time, so that both workers get some.
        maxConcurrentSteps: 1,
        env: { HOLDFAST_STATE_DIR: join(root, 'state') },
      }),
    ),
  );
  const running = workers.map((worker) => worker.run());
  try {
    const steps = Array.from({ length: STEPS }, (_, index) => ({
      id: `s${index}`,
      use: 'file.write',
      with: { path: `f${index}.txt`, content: `${index}` },
      ...(index < 2 ? {} : { needs: [`s${index - 2}`] }),
    }));
    const handle = await temporal.client.workflow.start(agentJob, {
      workflowId: temporal.unique('job'),
      taskQueue,
      args: [{ plan: { schemaVersion: 1, name: 'two', workspace: 'two', steps } }],
    });
    await handle.result();
    const { events } = await handle.fetchHistory();
    const scheduled = (events ?? []).flatMap(
      (event) => event.activityTaskScheduledEventAttributes?.activityType?.name ?? [],
    );
    const workersSeen = new Set(
      (events ?? []).flatMap((event) => event.activityTaskStartedEventAttributes?.identity ?? []),
    );
    assert.equal(workersSeen.size, WORKERS, 'each had a part in it');
    const comparisons = scheduled.filter((name) => name === 'verifyWorld').length;
    assert.ok(comparisons >= 1 && comparisons <= WORKERS, `${comparisons} comparisons`);
  } finally {
    for (const worker of workers) worker.shutdown();
    await Promise.all(running);
    rmSync(root, { recursive: true, force: true });
  }
});
