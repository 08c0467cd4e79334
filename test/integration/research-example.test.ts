/** examples/research on a real server: a step that fails once resumes by itself, where people see it. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { registerHooks } from 'node:module';
import path from 'node:path';
import { after, test } from 'node:test';
import { forkJob, jobCheckpoints } from '../../src/changes.ts';
import { connectHoldfast } from '../../src/client.ts';
import { readPlan } from '../../src/index.ts';
import { testWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';

// The example names the package, which here means its sources.
registerHooks({
  resolve: (specifier, context, next) =>
    next(specifier, { ...context, conditions: ['holdfast-source', ...context.conditions] }),
});
const { Model } = await import('../../examples/research/model.ts');
const { researchSteps } = await import('../../examples/research/steps.ts');

const example = path.join(import.meta.dirname, '../../examples/research');
const plan = readPlan(readFileSync(path.join(example, 'plan.yaml'), 'utf8'), 'plan.yaml');
const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(path.join(tmpdir(), 'holdfast-research-'));
after(() => rmSync(root, { recursive: true, force: true }));
const model = new Model();
/** The same, where a test wants it down. */
const down = { isDown: false };
const steps = researchSteps({
  summarise: async (topic: string, sources: Parameters<typeof model.summarise>[1]) =>
    await (down.isDown ? new Model({ isDown: true }) : model).summarise(topic, sources),
} as never);
testWorker(temporal, { taskQueue, root, steps });

async function research(sources: readonly string[]) {
  await using client = await connectHoldfast({ address: temporal.address, namespace: temporal.namespace, taskQueue });
  const workspace = temporal.unique('research');
  cpSync(path.join(example, 'sources'), path.join(root, workspace, 'sources'), { recursive: true });
  const input = { workspace, topic: 'wind', sources };
  const { workflowId } = await client.start(plan, { input, workflowId: workspace });
  const ended = await client.result(workflowId, { wait: true });
  assert.ok(ended.outcome === 'completed', JSON.stringify(ended));
  return { status: await client.status(workflowId), result: ended.result, folder: path.join(root, workspace) };
}

test('the analysis fails once and resumes by itself, the report is written, the failure stays to be seen', async () => {
  const { status, folder } = await research(['north', 'harbour', 'museum']);
  assert.equal(
    readFileSync(path.join(folder, 'report.md'), 'utf8'),
    '# wind\n\n- north: The wind from the north has been strong since Tuesday.\n' +
      '- harbour: In the harbour the wind was calm, and the ferries sailed.\n',
  );
  assert.equal(model.asked, 2);
  assert.deepEqual(
    status.resumed?.map(({ stepId, number, atMost, failure, resumesAt }) => [
      stepId,
      number,
      atMost,
      failure,
      resumesAt,
    ]),
    [
      [
        'analyse',
        1,
        3,
        {
          type: 'step-failed',
          message: 'Step analyse failed: Error: the model is overloaded, and says nothing about wind',
        },
        null,
      ],
    ],
  );
  assert.match(status.verifications.last, /^resumed: analyse: resume 1 of at most 3/);
});

test('without a source about the topic the report is skipped, and the status says why', async () => {
  const { status, result } = await research(['museum']);
  const report = status.steps.find(({ id }) => id === 'report');
  assert.deepEqual(
    [report?.state, report?.effects],
    ['skipped', 'when: ${{ state.analysis.sources }} (0) is not greater than 0'],
  );
  assert.deepEqual((result as { readonly skipped?: unknown }).skipped, ['report']);
});

test('where the model is down the analysis is put in by hand as the node analyse', async () => {
  down.isDown = true;
  const [gather, analyse, report] = plan.steps;
  const impatient = { ...plan, steps: [gather, { ...analyse, resume: { atMost: 1, afterSeconds: 0.1 } }, report] };
  await using client = await connectHoldfast({ address: temporal.address, namespace: temporal.namespace, taskQueue });
  const workspace = temporal.unique('research');
  cpSync(path.join(example, 'sources'), path.join(root, workspace, 'sources'), { recursive: true });
  const input = { workspace, topic: 'wind', sources: ['north'] };
  const { workflowId } = await client.start(impatient as never, { input, workflowId: workspace });
  for await (const { questions } of client.watch(workflowId)) if (questions.length > 0) break;
  const output = { summary: 'by hand', sources: 1 };
  await client.updateState(workflowId, { asNode: 'analyse', output, by: 'ada', reason: 'the model is down' });
  const { outcome } = await client.result(workflowId, { wait: true });
  assert.equal(outcome, 'completed');
  assert.equal(readFileSync(path.join(root, workspace, 'report.md'), 'utf8'), '# wind\n\nby hand\n');
});

test('a fork from gather with more sources reports of them, and the other report stays', async () => {
  down.isDown = false;
  const [gather, analyse, report] = plan.steps;
  const impatient = { ...plan, steps: [gather, { ...analyse, resume: { atMost: 1, afterSeconds: 0.1 } }, report] };
  await using client = await connectHoldfast({ address: temporal.address, namespace: temporal.namespace, taskQueue });
  const workspace = temporal.unique('research');
  const [folder, another] = [path.join(root, workspace), path.join(root, `${workspace}-more`)];
  cpSync(path.join(example, 'sources'), path.join(folder, 'sources'), { recursive: true });
  const input = { workspace, topic: 'wind', sources: ['north'] };
  const { workflowId } = await client.start(impatient as never, { input, workflowId: workspace });
  await client.result(workflowId, { wait: true });
  const written = readFileSync(path.join(folder, 'report.md'), 'utf8');
  const gathered = (await jobCheckpoints(folder)).find(({ next }) => next.includes('analyse') && next.length === 1)!;
  const found = ['north', 'harbour'].map((name) => ({
    name,
    text: readFileSync(path.join(folder, `sources/${name}.txt`), 'utf8').trim(),
  }));
  const edit = { asNode: 'gather', output: { found } };
  const who = { by: 'ada', reason: 'more sources' };
  const { fork } = await forkJob(folder, { at: gathered.seq, workspace: another, edit, ...who });
  await client.startFork(fork);
  assert.equal((await client.result(fork.workflowId, { wait: true })).outcome, 'completed');
  assert.match(readFileSync(path.join(another, 'report.md'), 'utf8'), /- north: .*\n- harbour: /);
  assert.equal(readFileSync(path.join(folder, 'report.md'), 'utf8'), written);
});
