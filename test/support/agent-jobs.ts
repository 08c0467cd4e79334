/** Jobs of agents on a real server, with a model behind real HTTP that plays what a test gives it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import type { WorkflowHandle } from '@temporalio/client';
import { ModelServer, type Turn } from '../../examples/agent/model-server.ts';
import { agentSteps, aiSdkPlugin } from '../../src/agents-worker/index.ts';
import type { Question } from '../../src/model/question/question.ts';
import { implementStep } from '../../src/model/step/step.ts';
import { createWorker, type HoldfastWorker } from '../../src/worker.ts';
import { failingTool, readTool, writeTool, type AgentInput } from './agent-workflow.ts';
import { untilStatus } from './job-status.ts';
import { testTemporal } from './temporal.ts';

export interface Played {
  readonly result: string;
  /** The turns that the model was asked for, in order. */
  readonly asked: readonly number[];
  /** The last request, as text. */
  readonly told: string;
  readonly hasNewRuns: boolean;
}

export function call(tool: string, input: Turn['calls'][number]['input'] = {}): Turn['calls'][number] {
  return { tool, input };
}

export function turn(...calls: Turn['calls']): Turn {
  return { say: ['As I said.', 'In other words.'], calls };
}

/** For a test file: its worker runs from the first of its tests to the last. */
export class PlayedAgents {
  readonly temporal = testTemporal();
  readonly root = mkdtempSync(join(tmpdir(), 'holdfast-agents-'));
  /** The steps that have failed, in order. */
  readonly failed: string[] = [];
  server!: ModelServer;
  #taskQueue = '';

  constructor() {
    let worker: HoldfastWorker;
    let running: Promise<void>;
    before(async () => {
      worker = await this.#makeWorker();
      running = worker.run();
    });
    after(async () => {
      worker.shutdown();
      await running;
      this.server.close();
      rmSync(this.root, { recursive: true, force: true });
    });
  }

  async start(workspace: string, turns: readonly Turn[], options: Partial<AgentInput> = {}): Promise<WorkflowHandle> {
    mkdirSync(join(this.root, workspace));
    writeFileSync(join(this.root, workspace, 'a.txt'), 'first\n');
    this.failed.length = 0;
    this.server.play(turns);
    const temporal = await this.temporal;
    const handle = await temporal.client.workflow.start('agentWorkflow', {
      workflowId: temporal.unique('agent'),
      taskQueue: this.#taskQueue,
      args: [{ workspace, ...options }],
    });
    // Of the whole chain, not of the first Run alone.
    return temporal.client.workflow.getHandle(handle.workflowId, undefined, {
      firstExecutionRunId: handle.firstExecutionRunId,
    });
  }

  /** The turns that the model was asked for, in order. */
  get asked(): readonly number[] {
    return this.server.asked.map(({ turn: asked }) => asked);
  }

  /** Plays a conversation; `answer` answers each question of the job. */
  async play(
    workspace: string,
    turns: readonly Turn[],
    answer: (question: Question) => { readonly answer: string; readonly reason: string },
    options: Partial<AgentInput> = {},
  ): Promise<Played> {
    const handle = await this.start(workspace, turns, options);
    const { runId: first } = await handle.describe();
    const seen = new Set<string>();
    for (;;) {
      const isNew = ({ digest }: Question): boolean => !seen.has(digest);
      const { questions, state } = await untilStatus(
        handle,
        (status) => status.questions.some(isNew) || status.state === 'completed',
      );
      if (state === 'completed') break;
      for (const question of questions.filter(isNew)) {
        seen.add(question.digest);
        await handle.signal('decide', { digest: question.digest, by: 'ada', ...answer(question) });
      }
    }
    const { runId: last } = await handle.describe();
    return {
      result: String(await handle.result()),
      asked: this.asked,
      told: JSON.stringify(this.server.asked.at(-1)?.request.messages),
      hasNewRuns: last !== first,
    };
  }

  async #makeWorker(): Promise<HoldfastWorker> {
    const temporal = await this.temporal;
    this.#taskQueue = temporal.unique('queue');
    // Its turns are each test's own.
    this.server = await ModelServer.open([]);
    const modelProvider = createOpenAICompatible({ name: 'recorded', baseURL: this.server.url });
    return await createWorker({
      address: temporal.address,
      namespace: temporal.namespace,
      taskQueue: this.#taskQueue,
      workspaceRoot: this.root,
      env: { HOLDFAST_STATE_DIR: join(this.root, 'state') },
      workflowsPath: new URL('./agent-workflow.ts', import.meta.url).pathname,
      temporal: { plugins: [await aiSdkPlugin({ modelProvider })] },
      steps: [
        ...agentSteps({ modelProvider }),
        implementStep(readTool, async (ctx, { path }) => ({ text: await ctx.files.readText(path) })),
        implementStep(writeTool, async (ctx, { path, text, folder }) => {
          await ctx.files.write(`${folder}/${path}`, text);
          return {};
        }),
        implementStep(failingTool, async (ctx) => {
          this.failed.push(ctx.stepId);
          // The second time it would work.
          if (this.failed.length === 1) throw new Error('no such luck');
          await ctx.files.write('out/late', 'too late\n');
          return {};
        }),
      ],
    });
  }
}
