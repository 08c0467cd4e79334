/**
 * A job on a Task Queue of its own, whose workers come and go one by one: some run Workflows alone, some steps alone.
 *
 * Invariant: whatever the test leaves is let go and stopped when it ends, so that tests can run beside each other.
 */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import { optionalTsToMs, tsToMs } from '@temporalio/common/lib/time.js';
import { Worker, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import * as z from 'zod';
import { connectHoldfast, type ConnectOptions, type HoldfastClient } from '../../src/client.ts';
import { workerDataConverter } from '../../src/codec/data-converter.ts';
import { readKeys } from '../../src/codec/keys.ts';
import { defineStep, implementStep, type StepImplementation } from '../../src/model/step/step.ts';
import { HoldfastPlugin } from '../../src/plugin.ts';
import { createWorker } from '../../src/worker.ts';
import { testBundle } from './bundle.ts';
import { cli, type Ran } from './cli-terminal.ts';
import type { RunningWorker } from './running-worker.ts';
import type { TestTemporal } from './temporal.ts';
import { untilTrue } from './until.ts';

export type Env = Readonly<Record<string, string>>;

export interface UntakenPlace {
  readonly temporal: TestTemporal;
  /** Holds the workspaces, and the workers' state. */
  readonly root: string;
  readonly env: Env;
}

/** Call it once a file. */
export function untakenPlace(temporal: TestTemporal): UntakenPlace {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-no-worker-')));
  after(() => rmSync(root, { recursive: true, force: true }));
  return { temporal, root, env: { ...temporal.env, HOLDFAST_STATE_DIR: join(root, 'state'), NO_COLOR: '1' } };
}

export class UntakenJob implements AsyncDisposable {
  readonly queue: string;
  /** Its Workflow id, and its workspace. */
  readonly id: string;
  /** What steps have run, by their ids, in their order. */
  readonly ran: string[] = [];
  readonly asking: HoldfastClient;
  readonly #place: UntakenPlace;
  readonly #gates = new Map<string, PromiseWithResolvers<void>>();
  readonly #workers: RunningWorker[] = [];
  readonly #noted: StepImplementation;

  private constructor(place: UntakenPlace, asking: HoldfastClient) {
    this.#place = place;
    this.queue = asking.taskQueue;
    this.id = place.temporal.unique('job');
    this.asking = asking;
    /** Notes that it ran, and waits at its gate where it has one. */
    this.#noted = implementStep(
      defineStep({ name: 'noted', input: z.strictObject({}), output: z.strictObject({}) }),
      async (ctx) => {
        this.ran.push(ctx.stepId);
        await this.#gates.get(ctx.stepId)?.promise;
        await ctx.files.write(`${ctx.stepId}.txt`, ctx.stepId);
        return {};
      },
    );
  }

  /** @param options a short limit of Queries is for jobs that nobody answers for: a busy machine takes seconds */
  static async at(place: UntakenPlace, options: Pick<ConnectOptions, 'queryTimeoutMs'> = {}): Promise<UntakenJob> {
    const taskQueue = place.temporal.unique('queue');
    return new UntakenJob(place, await connectHoldfast({ env: place.env, taskQueue, ...options }));
  }

  get handle(): WorkflowHandle {
    return this.asking.temporal.client.workflow.getHandle(this.id);
  }

  /** Step b after step a, unless others are given. */
  async start(steps: readonly object[] = [step('a'), step('b', ['a'])], workflowId = this.id): Promise<void> {
    const plan = { schemaVersion: 1, name: 'noting', workspace: workflowId, steps };
    await this.asking.start(plan as never, { workflowId });
  }

  /** The step waits at its gate from now on. */
  holds(stepId: string): void {
    this.#gates.set(stepId, Promise.withResolvers());
  }

  /** Starts the job, and stops the worker while it runs the step: it is the last that the worker does. */
  async runsLast(stepId: string, worker: RunningWorker, steps?: readonly object[]): Promise<void> {
    this.holds(stepId);
    await this.start(steps);
    await untilTrue(() => this.ran.includes(stepId));
    await this.endsWhileItRuns(worker);
  }

  /** Stops a worker that runs steps which wait at their gates; then lets those go. */
  async endsWhileItRuns(worker: RunningWorker): Promise<void> {
    const stopped = worker.stop();
    this.letGo();
    await stopped;
  }

  /** All that wait at their gates. */
  letGo(): void {
    for (const { resolve } of this.#gates.values()) resolve();
  }

  async workflowsAlone(bundle: WorkflowBundleWithSourceMap): Promise<RunningWorker> {
    const { env } = this.#place;
    const dataConverter = workerDataConverter(readKeys({ env }));
    return await this.#running({ identity: 'workflows-alone', workflowBundle: bundle, dataConverter });
  }

  async stepsAlone(slots = 10): Promise<RunningWorker> {
    const { root, env } = this.#place;
    const plugin = new HoldfastPlugin({ agentJob: false, steps: [this.#noted], workspaceRoot: root, env });
    return await this.#running({
      identity: 'steps-alone',
      maxConcurrentActivityTaskExecutions: slots,
      plugins: [plugin],
    });
  }

  /** A worker that answers once that it is there, and takes nothing. */
  async answersOnce(): Promise<void> {
    const answered = Promise.withResolvers<void>();
    const worker: RunningWorker = await this.#running({
      identity: 'answers-once',
      // So that it asks for nothing more while it answers.
      maxConcurrentActivityTaskExecutions: 1,
      activities: {
        workerAnswers: () => {
          void worker.stop();
          answered.resolve();
        },
      },
    });
    await answered.promise;
    await worker.stop();
  }

  /** One that runs both. */
  async whole(): Promise<RunningWorker> {
    const { temporal, root } = this.#place;
    const worker = await createWorker({
      address: temporal.address,
      namespace: temporal.namespace,
      taskQueue: this.queue,
      workspaceRoot: root,
      steps: [this.#noted],
      workflowBundle: await testBundle(),
      env: { HOLDFAST_STATE_DIR: join(root, 'state') },
      // What comes just as it ends would wait for it for 10 s.
      temporal: { stickyQueueScheduleToStartTimeout: 500 },
    });
    const ended = worker.run();
    let isAsked = false;
    const stop = async (): Promise<void> => {
      if (!isAsked) worker.shutdown();
      isAsked = true;
      await ended;
    };
    this.#workers.push({ stop });
    return { stop };
  }

  async holdfast(...args: readonly string[]): Promise<Ran> {
    const { root, env } = this.#place;
    return await cli(args, { cwd: root, env });
  }

  /** What Temporal's UI shows of it. */
  async details(): Promise<string> {
    return (await this.handle.query<{ readonly currentDetails: string }>('__temporal_workflow_metadata'))
      .currentDetails;
  }

  /** An Activity that was scheduled has its name, any other event its kind. */
  async events(workflowId = this.id): Promise<readonly string[]> {
    const { events } = await this.asking.temporal.client.workflow.getHandle(workflowId).fetchHistory();
    return (events ?? []).map(
      (event) => event.activityTaskScheduledEventAttributes?.activityType?.name ?? kindOf(event),
    );
  }

  /** By the Workflow's clock: when it requested an Activity of a type first, and when it heard that nobody took it. */
  async untakenMs(type: string): Promise<{ readonly requested: number; readonly heard: number }> {
    const { events } = await this.handle.fetchHistory();
    const all = events ?? [];
    const first = all.findIndex((event) => event.activityTaskScheduledEventAttributes?.activityType?.name === type);
    const over = all.findIndex((event) => event.activityTaskTimedOutEventAttributes != null);
    const begun = (task: (typeof all)[number] | undefined): number => tsToMs(task?.eventTime);
    return {
      requested: begun(all.slice(0, first).findLast(isTaskStarted)),
      heard: begun(all.slice(over).find(isTaskStarted)),
    };
  }

  /** Within how long each request for one of the steps was to be taken, in their order. 0: for ever. */
  async limitsMs(stepIds: readonly string[]): Promise<readonly number[]> {
    const { events } = await this.handle.fetchHistory();
    return (events ?? [])
      .map((event) => event.activityTaskScheduledEventAttributes)
      .filter((scheduled) => scheduled != null && stepIds.includes(scheduled.activityId ?? ''))
      .map((scheduled) => optionalTsToMs(scheduled!.scheduleToStartTimeout) ?? 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.letGo();
    await Promise.all(this.#workers.map((worker) => worker.stop()));
    await this.asking.close();
  }

  async #running(options: Partial<Parameters<typeof Worker.create>[0]>): Promise<RunningWorker> {
    const { temporal } = this.#place;
    const connection = await temporal.nativeConnection();
    const worker = await Worker.create({
      connection,
      namespace: temporal.namespace,
      taskQueue: this.queue,
      ...options,
    });
    const ended = worker.run();
    const stop = async (): Promise<void> => {
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await ended;
    };
    this.#workers.push({ stop });
    return { stop };
  }
}

export function step(id: string, needs: readonly string[] = [], more: object = {}): object {
  return { id, use: 'noted', with: {}, needs, ...more };
}

export function times(events: readonly string[], what: string): number {
  return events.filter((event) => event === what).length;
}

function isTaskStarted(event: { readonly workflowTaskStartedEventAttributes?: unknown }): boolean {
  return event.workflowTaskStartedEventAttributes != null;
}

function kindOf(event: object): string {
  return Object.keys(event).find((key) => key.endsWith('EventAttributes')) ?? '';
}
