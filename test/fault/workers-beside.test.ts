/**
 * Two real workers of one Task Queue and one workspace, each in a container of its own; and a worker that is started
 * again under the name that the killed one had.
 */
import assert from 'node:assert/strict';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import { agentJob } from '../../src/workflows/agent-job.ts';
import { withoutContainers } from '../support/container.ts';
import { untilAsked } from '../support/job-status.ts';
import { linesOf } from '../support/killing.ts';
import { testTemporal } from '../support/temporal.ts';
import { untilTrue } from '../support/until.ts';
import { workerProcesses } from '../support/worker-process.ts';

const temporal = await testTemporal();
const root = mkdtempSync(join(tmpdir(), 'holdfast-beside-'));
const LIMIT_MS = 60_000;
after(() => rmSync(root, { recursive: true, force: true }));

async function start(taskQueue: string, workspace: string, steps: readonly object[]): Promise<WorkflowHandle> {
  const plan = { schemaVersion: 1, name: 'beside', workspace, steps };
  const args: [never] = [{ plan } as never];
  return await temporal.client.workflow.start(agentJob, { workflowId: temporal.unique(workspace), taskQueue, args });
}

const command = (id: string, run: string, more: object): object => ({ id, use: 'command', with: { run, ...more } });

test(
  'a command that runs in one container is left alone by the worker in another, which takes the next step',
  { skip: withoutContainers },
  async () => {
    const taskQueue = temporal.unique('containers');
    const startWorker = await workerProcesses({ ...temporal, taskQueue, root });
    const docs = join(root, 'shared/docs');
    const [hosts, started, goOn] = ['hosts', 'started', 'go-on'].map((name) => join(root, name));
    mkdirSync(docs, { recursive: true });
    for (const page of ['a', 'b', 'c']) writeFileSync(join(docs, page), page);
    const first = await startWorker({ host: 'hosta' });
    const counts = "find docs -name '[abc]' | wc -l > docs/count.out";
    const waits = `touch ${started}; until [ -e ${goOn} ]; do sleep 0.05; done; ${counts}`;
    const fails = `cat /proc/sys/kernel/hostname >> ${hosts}; [ -e ${goOn} ]`;
    const handle = await start(taskQueue, 'shared', [
      command('slow', waits, { shell: true, paths: ['docs/'] }),
      {
        ...command('flaky', fails, { shell: true, paths: ['other/'] }),
        retry: { maxAttempts: 100, initialIntervalMs: 300, backoffCoefficient: 1 },
      },
    ]);
    await untilTrue(() => existsSync(started!));
    const second = await startWorker({ host: 'hostb' });
    await untilTrue(() => linesOf(hosts!).includes('hostb'), { limitMs: LIMIT_MS });
    writeFileSync(goOn!, '');
    await handle.result();
    assert.equal(readFileSync(join(docs, 'count.out'), 'utf8').trim(), '3');
    const { events } = await handle.fetchHistory();
    const attempts = events!.flatMap(({ activityTaskStartedEventAttributes: at }) => at?.lastFailure?.message ?? []);
    assert.ok(!attempts.some((message) => message.includes('ENOENT')), attempts.join('\n'));
    await second.end();
    await first.end();
  },
);

test('a worker that is started again under the killed one’s name compares the world first', async () => {
  const taskQueue = temporal.unique('named');
  const startWorker = await workerProcesses({ ...temporal, taskQueue, root, identity: 'worker-1' });
  const worker = await startWorker();
  const write = (id: string, needs: readonly string[]): object => ({
    id,
    use: 'file.write',
    with: { path: `${id}.txt`, content: id },
    needs,
  });
  const handle = await start(taskQueue, 'named', [
    write('a', []),
    { id: 'pause', use: 'wait', with: { seconds: 5 }, needs: ['a'] },
    write('b', ['pause']),
  ]);
  await untilTrue(() => existsSync(join(root, 'named/a.txt')));
  await untilTrue(async () => (await handle.fetchHistory()).events!.some((event) => event.timerStartedEventAttributes));
  await worker.kill();
  appendFileSync(join(root, 'named/a.txt'), ' by somebody');
  const successor = await startWorker();
  const question = await untilAsked(handle, LIMIT_MS);
  assert.deepEqual(
    question.findings.map(({ resource }) => resource),
    ['file:a.txt'],
  );
  assert.equal(existsSync(join(root, 'named/b.txt')), false);
  await handle.terminate();
  await successor.end();
});
