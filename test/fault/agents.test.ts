/**
 * The agent of examples/agent, whose worker is killed by SIGKILL in every turn: it ends with the same files, the model
 * is asked no more often than undisturbed, and what its commands leave behind is there once. Only a request that was
 * under way when the worker died is made once more: nobody has its answer.
 */
import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { ModelServer } from '../../examples/agent/model-server.ts';
import { makeRepository } from '../../examples/agent/repository.ts';
import { aiSdkPlugin } from '../../src/agents-worker/index.ts';
import { defined } from '../../src/model/defined.ts';
import type { JobStatus } from '../../src/model/job/status.ts';
import { HoldfastPlugin } from '../../src/plugin.ts';
import { linesOf } from '../support/killing.ts';
import { testTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import type { AgentOrder } from './support/agent-child.ts';

const TURNS = 6;
/** Six answers and six tool calls. */
const STEPS = 12;
const temporal = await testTemporal();
const folder = mkdtempSync(join(tmpdir(), 'holdfast-agent-kills-'));
const children = new Set<ChildProcess>();
let isEnded = false;
// A test that ran out of time has left its worker, which would be started again for ever.
after(() => {
  isEnded = true;
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});
const bundle = join(folder, 'bundle.js');
const modelProvider = { specificationVersion: 'v4' } as never;
const { code } = await bundleWorkflowCode({
  workflowsPath: fileURLToPath(new URL('../../examples/agent/workflow.ts', import.meta.url)),
  logger: new DefaultLogger('WARN'),
  plugins: [await aiSdkPlugin({ modelProvider }), new HoldfastPlugin({ steps: [] })],
});
writeFileSync(bundle, code);

interface Ended {
  readonly tree: Readonly<Record<string, string>>;
  readonly asked: number;
  readonly killed: number;
}

async function runAgent(kill?: AgentOrder['kill'] | 'in flight'): Promise<Ended> {
  const root = mkdtempSync(join(folder, 'run-'));
  const server = await ModelServer.open();
  const taskQueue = temporal.unique('agent');
  const { address, namespace } = temporal;
  const order: AgentOrder = {
    address,
    namespace,
    taskQueue,
    root,
    bundle,
    model: server.url,
    ...defined({ kill: typeof kill === 'object' ? kill : undefined }),
  };
  await makeRepository(join(root, 'till'));
  let isOver = false;
  let inFlight = 0;
  let child: ChildProcess;
  const start = (): void => {
    child = fork(fileURLToPath(new URL('./support/agent-child.ts', import.meta.url)), [JSON.stringify(order)], {
      execArgv: ['--conditions=holdfast-source'],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    children.add(child);
    child.once('exit', () => {
      children.delete(child);
      if (!isOver && !isEnded) start();
    });
  };
  start();
  if (kill === 'in flight')
    server.beforeAnswer = async (turn) => {
      if (server.asked.filter((one) => one.turn === turn).length > 1) return;
      inFlight += 1;
      const dead = new Promise<void>((resolve) => void child.once('exit', () => resolve()));
      child.kill('SIGKILL');
      await dead;
    };
  const handle = await temporal.client.workflow.start('mend', {
    workflowId: temporal.unique('mend'),
    taskQueue,
    args: [{ workspace: 'till', model: 'recorded', task: 'Mend it.' }],
  });
  const answered = new Set<string>();
  await until(
    async () => {
      const { status } = await handle.describe();
      if (status.name !== 'RUNNING') return true;
      // A Query is answered by a worker; none may be alive just now.
      const found = await handle.query<JobStatus>('status').catch(() => undefined);
      for (const { digest, findings } of found?.questions ?? []) {
        if (answered.has(digest)) continue;
        answered.add(digest);
        assert.equal(findings[0]?.class, 'approval', JSON.stringify(findings));
        await handle.signal('decide', { digest, answer: 'approve', by: 'ada', reason: 'Up.' });
      }
      return false;
    },
    (hasEnded) => hasEnded,
    { limitMs: 400_000, everyMs: 200 },
  );
  assert.match(String(await handle.result()), /tests/);
  isOver = true;
  const ended = new Promise<void>((resolve) => void child.once('exit', () => resolve()));
  child!.kill('SIGKILL');
  await ended;
  server.close();
  const killed = linesOf(join(root, 'hits')).filter((line) => line === 'killed').length + inFlight;
  return { tree: treeOf(join(root, 'till')), asked: server.asked.length, killed };
}

function treeOf(root: string): Readonly<Record<string, string>> {
  const files = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .filter((path) => !/^\.(git|holdfast)\//.test(path));
  return Object.fromEntries(files.sort().map((path) => [path, readFileSync(join(root, path), 'utf8')]));
}

const undisturbed = runAgent();

describe('an agent whose worker is killed in every turn', { concurrency: 2, timeout: 600_000 }, () => {
  for (const [when, kill, kills] of [
    ['before the code of a step runs', { point: 'user-code.before', every: 2 }, STEPS],
    ['once an answer of the model is recorded', { point: 'once.after', every: 1 }, TURNS],
    ['once a step is recorded, before its Workflow knows', { point: 'record.after', every: 1 }, STEPS],
  ] as const)
    test(`${when}: the same files, the model asked no more often, each command's effect once`, async () => {
      const wanted = await undisturbed;
      assert.equal(wanted.asked, TURNS);
      assert.equal(wanted.tree['test-runs.log'], 'the tests ran\nthe tests ran\n');
      const { tree, asked, killed } = await runAgent(kill);
      assert.deepEqual(tree, wanted.tree);
      assert.equal(asked, TURNS);
      assert.ok(killed >= kills, `${killed} kills`);
    });

  test('while the model is asked: the same files, and only what was under way is asked once more', async () => {
    const wanted = await undisturbed;
    const { tree, asked, killed } = await runAgent('in flight');
    assert.deepEqual(tree, wanted.tree);
    assert.equal(killed, TURNS);
    assert.equal(asked, TURNS + killed);
  });
});
