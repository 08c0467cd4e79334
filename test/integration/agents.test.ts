/**
 * Agents on the AI SDK, in Workflows on a real server, with a model behind real HTTP: what is asked of the model, what
 * it is told, and that a Workflow that starts anew changes neither.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { ModelServer, type Turn } from '../../examples/agent/model-server.ts';
import { agentSteps, aiSdkPlugin } from '../../src/agents-worker/index.ts';
import { defined } from '../../src/model/defined.ts';
import type { Question } from '../../src/model/question/question.ts';
import { implementStep } from '../../src/model/step/step.ts';
import { createWorker, type HoldfastWorker } from '../../src/worker.ts';
import { agentWorkflow, failingTool, readTool, writeTool } from '../support/agent-workflow.ts';
import { untilStatus } from '../support/job-status.ts';
import { testTemporal } from '../support/temporal.ts';

const LIMIT = { timeout: 60_000 };
const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-agents-'));
const failed: string[] = [];
let server: ModelServer;
let worker: HoldfastWorker;
let running: Promise<void>;

before(async () => {
  // Its turns are each test's own.
  server = await ModelServer.open([]);
  const modelProvider = createOpenAICompatible({ name: 'recorded', baseURL: server.url });
  worker = await createWorker({
    address: temporal.address,
    namespace: temporal.namespace,
    taskQueue,
    workspaceRoot: root,
    env: { HOLDFAST_STATE_DIR: join(root, 'state') },
    workflowsPath: new URL('../support/agent-workflow.ts', import.meta.url).pathname,
    temporal: { plugins: [await aiSdkPlugin({ modelProvider })] },
    steps: [
      ...agentSteps({ modelProvider }),
      implementStep(readTool, async (ctx, { path }) => ({ text: await ctx.files.readText(path) })),
      implementStep(writeTool, async (ctx, { path, text, folder }) => {
        await ctx.files.write(`${folder}/${path}`, text);
        return {};
      }),
      implementStep(failingTool, async (ctx) => {
        failed.push(ctx.stepId);
        // The second time it would work.
        if (failed.length === 1) throw new Error('no such luck');
        await ctx.files.write('out/late', 'too late\n');
        return {};
      }),
    ],
  });
  running = worker.run();
});

after(async () => {
  worker.shutdown();
  await running;
  server.close();
  rmSync(root, { recursive: true, force: true });
});

function call(tool: string, input: Turn['calls'][number]['input'] = {}): Turn['calls'][number] {
  return { tool, input };
}

function turn(...calls: Turn['calls']): Turn {
  return { say: ['As I said.', 'In other words.'], calls };
}

interface Played {
  readonly result: string;
  /** The turns that the model was asked for, in order. */
  readonly asked: readonly number[];
  /** The last request, as text. */
  readonly told: string;
  readonly hasNewRuns: boolean;
}

/** Plays a conversation; `answer` answers each question of the job. */
async function play(
  workspace: string,
  turns: readonly Turn[],
  answer: (question: Question) => { readonly answer: string; readonly reason: string },
  continueAsNewAfterEvents?: number,
): Promise<Played> {
  mkdirSync(join(root, workspace));
  writeFileSync(join(root, workspace, 'a.txt'), 'first\n');
  failed.length = 0;
  server.play(turns);
  const handle = await temporal.client.workflow.start(agentWorkflow, {
    workflowId: temporal.unique('agent'),
    taskQueue,
    args: [{ workspace, ...defined({ continueAsNewAfterEvents }) }],
  });
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
  const last = await temporal.client.workflow.getHandle(handle.workflowId).describe();
  return {
    result: await handle.result(),
    asked: server.asked.map(({ turn: asked }) => asked),
    told: JSON.stringify(server.asked.at(-1)?.request.messages),
    hasNewRuns: last.runId !== handle.firstExecutionRunId,
  };
}

const EVENTFUL: readonly Turn[] = [
  turn(
    call('read', { path: 'a.txt' }),
    call('write', { path: 'w', text: 'first\n' }),
    call('write', { path: 'b' }),
    call('failing'),
    call('read', { path: 'none' }),
  ),
  turn(call('write', { path: 'risky', text: 'x' })),
  turn(call('ask', { question: 'Up or down?' })),
  turn(call('write', { path: 'b', text: 'b\n' })),
  turn(),
];

test(
  'a model is told what failed, was rejected and changed; a Workflow that starts anew repeats nothing',
  LIMIT,
  async () => {
    const workspace = 'new-runs';
    const played = await play(
      workspace,
      EVENTFUL,
      ({ stepId, kind }) => {
        if (kind !== 'approval') return { answer: 'accept', reason: 'I did that' };
        if (stepId?.endsWith('/write') === true) return { answer: 'reject', reason: 'too risky' };
        for (const path of ['a.txt', 'out/w']) writeFileSync(join(root, workspace, path), 'second\n');
        return { answer: 'approve', reason: 'Upwards, always.' };
      },
      20,
    );
    assert.equal(played.hasNewRuns, true);
    assert.deepEqual(played.asked, [1, 2, 3, 4, 5], 'each turn once');
    assert.equal(played.result, 'As I said.');
    assert.deepEqual(failed, ['agent/1.3/failing'], 'what was told to have failed does not happen later');
    assert.equal(existsSync(join(root, workspace, 'out/late')), false);
    assert.equal(existsSync(join(root, workspace, 'out/risky')), false);
    assert.equal(readFileSync(join(root, workspace, 'out/b'), 'utf8'), 'b\n');
    for (const told of [
      /Invalid input for tool write.*text: Invalid input/,
      /It failed, and changed nothing\. Error: no such luck/,
      /It failed, and changed nothing\. [^"]*none/,
      /A person \(ada\) rejected this, and nothing of it was changed\. The reason: too risky/,
      /\\"answer\\":\\"Upwards, always\.\\",\\"by\\":\\"ada\\",\\"yes\\":true/,
      /A person has changed what you work on:.*file:a\.txt: somebody changed it, and it stays so \(ada: I did that\)/,
      /-first.*\+second/,
    ])
      assert.match(played.told, told);
    assert.equal(played.told.split('A person has changed').length, 2, 'told once');
  },
);

test(
  'where a person lets a tool call run again, the model is asked from there on, and nothing before',
  LIMIT,
  async () => {
    const workspace = 'rerun';
    const turns = [
      turn(call('write', { path: 'b', text: 'b\n' })),
      turn(call('read', { path: 'a.txt' })),
      turn(call('ask', { question: 'On?' })),
      turn(),
    ];
    let asked = 0;
    const played = await play(workspace, turns, ({ kind }) => {
      if (kind !== 'approval') return { answer: 'rerun', reason: 'read it again' };
      asked += 1;
      writeFileSync(join(root, workspace, 'a.txt'), 'second\n');
      return { answer: 'approve', reason: 'on' };
    });
    assert.deepEqual(played.asked, [1, 2, 3, 3, 4]);
    assert.equal(asked, 1, 'the answer of a person counts for the same question');
    assert.match(played.told, /second/);
    assert.doesNotMatch(played.told, /first/);
  },
);
