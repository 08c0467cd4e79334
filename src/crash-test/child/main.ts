/**
 * The worker process of a crash test: a worker as `holdfast worker` runs one, which is killed at the point that its
 * order names. It loads everything, waits for its turn, and polls until it is ended.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import path from 'node:path';
import type { ActivityInterceptorsFactory, WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { loadConfig } from '../../config.ts';
import { defined } from '../../model/defined.ts';
import { setFaultHook } from '../../store/fault-point.ts';
import { thisProcess } from '../../store/life/process-identity.ts';
import { createWorker } from '../../worker.ts';
import { loadSetUp } from '../set-up.ts';
import { OF_JOB } from '../no-step.ts';
import type { ChildMessage, ChildOrder, GoMessage } from './order.ts';
import { watchOutside } from './outside.ts';
import { Points } from './points.ts';
import { countRequests } from './requests.ts';
import { StepCode } from './step-code.ts';

/**
 * One job needs no more. What the server hands to a poll of a frozen worker is lost until it times out: the fewer there
 * are, the better.
 */
const FEW_POLLS = {
  activityTaskPollerBehavior: { type: 'simple-maximum', maximum: 1 },
  // One for what is new, one for the Workflow that it has.
  workflowTaskPollerBehavior: { type: 'simple-maximum', maximum: 2 },
} as const;
const TO_BE_FROZEN = { ...FEW_POLLS, stickyQueueScheduleToStartTimeout: '2s' } as const;

const order = JSON.parse(process.argv[2]!) as ChildOrder;
// Whoever started it holds the other end: without it nobody would end this process.
process.on('disconnect', () => process.exit(0));
// One that stands still doesn't notice that.
appendFileSync(order.processes, `${JSON.stringify(thisProcess())}\n`);

const points = new Points(order);
const code = new StepCode(points, order.cwd);
watchOutside(code);
countRequests(code, order);
const { config, steps } = await usersOwn();
const workflowBundle = JSON.parse(readFileSync(order.bundlePath, 'utf8')) as WorkflowBundleWithSourceMap;
// For those that come after it: one that is killed keeps nothing.
if (order.tellsPoints) flushCompileCache();
tell('loaded');
const { faults } = await new Promise<GoMessage>((resolve) => process.once('message', resolve));
points.arm(faults);
const { workerDeploymentOptions: _unversioned, ...temporal } = config.temporal ?? {};
const worker = await createWorker({
  address: order.address,
  namespace: order.namespace,
  taskQueue: order.taskQueue,
  workspaceRoot: order.workspaceRoot,
  workflowBundle,
  steps: steps.map((step) => code.watched(step)),
  ...defined({ maxConcurrentSteps: config.maxConcurrentSteps, heartbeatIntervalMs: config.heartbeatIntervalMs }),
  temporal: {
    // In a thread of its own a Workflow would have the SDK loaded twice: a sixth of what a worker costs.
    debugMode: true,
    ...FEW_POLLS,
    ...temporal,
    ...(faults.some(({ how }) => how === 'freeze') ? TO_BE_FROZEN : {}),
    interceptors: {
      ...temporal.interceptors,
      activity: [naming, ...(temporal.interceptors?.activity ?? [])],
    },
  },
});
setFaultHook((point) => points.passed(point));
const running = worker.run();
tell('polling');
await running;

function tell(message: ChildMessage): void {
  process.send?.(message);
}

async function usersOwn() {
  const { cwd, config: file, steps: modules, setUp } = order;
  const config = await loadConfig({ cwd, steps: modules, ...defined({ config: file }) });
  const { steps: own = [] } = setUp === undefined ? {} : await loadSetUp(path.resolve(cwd, setUp));
  return { config, steps: [...config.steps, ...own] };
}

/** Each Activity's points are its step's. */
function naming(): ReturnType<ActivityInterceptorsFactory> {
  return {
    inbound: {
      execute: async (input, next) => {
        const request = input.args[0] as { readonly stepId?: unknown } | undefined;
        const { stepId } = request ?? {};
        return await points.within(typeof stepId === 'string' ? stepId : OF_JOB, () => next(input));
      },
    },
  };
}
