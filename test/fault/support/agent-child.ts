/** A worker of examples/agent, which ends itself by SIGKILL at a fault point. Run with --conditions=holdfast-source. */
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { steps } from '../../../examples/agent/steps.ts';
import { agentSteps, aiSdkPlugin } from '../../../src/agents-worker/index.ts';
import { setFaultHook } from '../../../src/store/fault-point.ts';
import { createWorker } from '../../../src/worker.ts';
import { linesOf } from '../../support/killing.ts';

export interface AgentOrder {
  readonly address: string;
  readonly namespace: string;
  readonly taskQueue: string;
  readonly root: string;
  readonly bundle: string;
  readonly model: string;
  /** Killed at every hit of this point, or at every other one: where what was killed comes by again. */
  readonly kill?: { readonly point: string; readonly every: 1 | 2 };
}

const order = JSON.parse(process.argv[2]!) as AgentOrder;
const hits = join(order.root, 'hits');
setFaultHook((point) => {
  if (point !== order.kill?.point) return;
  const isKilled = linesOf(hits).length % order.kill.every === 0;
  appendFileSync(hits, isKilled ? 'killed\n' : 'passed\n');
  if (isKilled) process.kill(process.pid, 'SIGKILL');
});
const modelProvider = createOpenAICompatible({ name: 'recorded', baseURL: order.model });
const worker = await createWorker({
  address: order.address,
  namespace: order.namespace,
  taskQueue: order.taskQueue,
  workspaceRoot: order.root,
  env: { ...process.env, HOLDFAST_STATE_DIR: join(order.root, 'state') },
  workflowBundle: { code: readFileSync(order.bundle, 'utf8'), sourceMap: '' },
  temporal: { plugins: [await aiSdkPlugin({ modelProvider })] },
  steps: [...steps, ...agentSteps({ modelProvider })],
});
process.once('disconnect', () => worker.shutdown());
await worker.run();
