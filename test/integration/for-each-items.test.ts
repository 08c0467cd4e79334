/** Items of a `forEach` that are steps of their own, on a real server: one runs again alone; new Runs in between. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import * as z from 'zod';
import { defineStep, implementStep } from '../../src/index.ts';
import type { JobStatus } from '../../src/model/job/status.ts';
import { codeBlocks, planOf } from '../support/documented.ts';
import { statusOf, untilAsked, untilStatus } from '../support/job-status.ts';
import { testWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';
import { untilTrue } from '../support/until.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-for-each-items-'));
after(() => rmSync(root, { recursive: true, force: true }));

const item = defineStep({ name: 'item', input: z.strictObject({ name: z.string() }), output: z.string() });
const total = defineStep({ name: 'total', input: z.strictObject({ texts: z.array(z.string()) }), output: z.string() });

const large = defineStep({ name: 'large', input: z.strictObject({}), output: z.string() });
let largeChars = 3;

const listPages = defineStep({
  name: 'list-pages',
  input: z.strictObject({}),
  output: z.strictObject({ pages: z.array(z.strictObject({ path: z.string() })) }),
});

/** Which code ran, in order: `JOB STEP`. */
const ran: string[] = [];
/** An item of this name waits. */
let held: string | undefined;
/** An item of this name fails. */
let failing: string | undefined;

testWorker(temporal, {
  taskQueue,
  root,
  steps: [
    implementStep(item, async (ctx, { name }) => {
      ran.push(`${ctx.jobId.split('@')[0]} ${ctx.stepId}`);
      await untilTrue(() => held !== name, { what: `the end of ${name}`, everyMs: 10 });
      if (name === failing) throw new Error(`no ${name}`);
      await ctx.files.write(`${name}.txt`, `${name} of ${ctx.stepId}`);
      return name.toUpperCase();
    }),
    implementStep(listPages, async (ctx) => {
      for (const name of ['a', 'b']) await ctx.files.write(`${name}.md`, name);
      return { pages: [{ path: 'a.md' }, { path: 'b.md' }] };
    }),
    implementStep(large, () => 'x'.repeat(largeChars)),
    implementStep(total, async (ctx, { texts }) => {
      await ctx.files.write('total.txt', texts.join(' '));
      return texts.join(' ');
    }),
  ],
});

const names = (count: number, letter = 'i'): string[] =>
  Array.from({ length: count }, (_, place) => `${letter}${place}`);

function each(id: string, items: unknown, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const { atOnce = 1, ...others } = more;
  return { id, use: 'item', forEach: { items, within: 'workflow', atOnce }, with: { name: '${{ item }}' }, ...others };
}

const sum = { id: 'sum', use: 'total', with: { texts: '${{ steps.each.output }}' } };

async function start(
  steps: readonly Record<string, unknown>[],
  more: Readonly<Record<string, unknown>> = {},
): Promise<{ readonly handle: WorkflowHandle; readonly at: (path: string) => string; readonly ranOf: () => string[] }> {
  const workspace = temporal.unique('items');
  const plan = { schemaVersion: 1, name: 'items', workspace, steps };
  const handle = await temporal.client.workflow.start('agentJob', {
    workflowId: workspace,
    taskQueue,
    args: [{ plan, ...more }],
  });
  const ranOf = (): string[] => ran.flatMap((one) => (one.startsWith(`${workspace} `) ? [one.split(' ')[1]!] : []));
  return { handle, at: (path) => join(root, workspace, path), ranOf };
}

async function decide(handle: WorkflowHandle, digest: string, answer: string): Promise<void> {
  await handle.executeUpdate('decide', {
    args: [{ digest, answer, by: 'ada@example.com', reason: 'as I saw it' }],
  });
}

/** How often each step was requested in the Run. */
async function requests(handle: WorkflowHandle): Promise<Readonly<Record<string, number>>> {
  const { events } = await handle.fetchHistory();
  const counts: Record<string, number> = {};
  for (const event of events ?? []) {
    const scheduled = event.activityTaskScheduledEventAttributes;
    if (scheduled?.activityType?.name !== 'runStep') continue;
    const id = scheduled.activityId!.replace(/ .*/, '');
    counts[id] = (counts[id] ?? 0) + 1;
  }
  return counts;
}

const shown = (status: JobStatus): unknown => [
  status.planned,
  status.items,
  status.steps.map(({ id, state }) => `${id} ${state}`),
];

test('one item whose file was changed runs again alone, and what uses the list; no other is requested', async () => {
  const last = { id: 'last', use: 'file.write', needs: ['sum'], with: { path: 'last.txt', content: 'x' } };
  const job = await start([each('each', names(3)), sum, { ...last, approval: 'before-apply' }]);
  const approval = await untilAsked(job.handle);
  writeFileSync(job.at('i1.txt'), 'by hand');
  await decide(job.handle, approval.digest, 'approve');
  const asked = await untilStatus(job.handle, ({ questions }) => questions[0]?.kind === 'discrepancy');
  const [finding] = asked.questions[0]!.findings;
  assert.deepEqual([finding!.recordedBy!.stepId, finding!.rerunSteps], ['each#1', ['each#1', 'sum']]);
  await decide(job.handle, asked.questions[0]!.digest, 'rerun');
  const { outputs } = (await job.handle.result()) as { outputs: Record<string, unknown> };
  assert.deepEqual(outputs['each'], ['I0', 'I1', 'I2']);
  assert.deepEqual(job.ranOf(), ['each#0', 'each#1', 'each#2', 'each#1']);
  assert.equal(readFileSync(job.at('i1.txt'), 'utf8'), 'i1 of each#1');
  assert.deepEqual(
    await requests(job.handle).then((counts) => [counts['each#0'], counts['each#1'], counts['each#2']]),
    [1, 2, 1],
  );
});

test('a job goes on in new Runs while a list is under way: no item is lost, repeated or requested again', async () => {
  const job = await start([each('each', names(24), { atOnce: 3 }), sum], { continueAsNewAfterEvents: 60 });
  const first = await job.handle.describe();
  await job.handle.result();
  const runs = new Set<string>();
  let longest = 0;
  let requested = 0;
  for (let runId: string | undefined = first.runId; runId !== undefined;) {
    runs.add(runId);
    const run: WorkflowHandle = temporal.client.workflow.getHandle(job.handle.workflowId, runId);
    const { events } = await run.fetchHistory();
    longest = Math.max(longest, events!.length);
    requested += Object.entries(await requests(run)).reduce(
      (all, [id, n]) => all + (id.startsWith('each#') ? n : 0),
      0,
    );
    runId = events!.at(-1)!.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId ?? undefined;
  }
  assert.ok(runs.size >= 3, `${runs.size} Runs`);
  assert.ok(longest <= 100, `${longest} events`);
  assert.equal(requested, 24);
  assert.deepEqual(
    job.ranOf().toSorted(),
    names(24)
      .map((_, place) => `each#${place}`)
      .toSorted(),
  );
  assert.equal(readFileSync(job.at('total.txt'), 'utf8'), names(24).join(' ').toUpperCase());
});

test('an item that was changed after a new Run has begun runs again alone', async () => {
  const gate = { id: 'gate', use: 'file.write', needs: ['sum'], with: { path: 'gate.txt', content: 'x' } };
  const job = await start([each('each', names(12), { atOnce: 3 }), sum, { ...gate, approval: 'before-apply' }], {
    continueAsNewAfterEvents: 60,
  });
  const approval = await untilAsked(job.handle);
  writeFileSync(job.at('i1.txt'), 'by hand');
  await decide(job.handle, approval.digest, 'approve');
  const { questions } = await untilStatus(job.handle, (status) => status.questions[0]?.kind === 'discrepancy');
  await decide(job.handle, questions[0]!.digest, 'rerun');
  await job.handle.result();
  assert.deepEqual(job.ranOf().filter((id) => id === 'each#1').length, 2);
  assert.equal(job.ranOf().length, 13);
  assert.equal(readFileSync(job.at('i1.txt'), 'utf8'), 'i1 of each#1');
});

test('the status tells how many items a list has, and how many of them are done', async () => {
  held = 'h2';
  const inside = { id: 'inside', use: 'item', needs: ['each'], with: { name: '${{ item }}' } };
  const job = await start([each('each', names(4, 'h')), { ...inside, forEach: { items: ['j0', 'j1'] } }]);
  const status = await untilStatus(job.handle, ({ steps }) => steps.some(({ id }) => id === 'each#2'));
  assert.deepEqual(shown(status), [
    5,
    [{ stepId: 'each', total: 4, done: 2 }],
    ['each#0 done', 'each#1 done', 'each#2 running'],
  ]);
  held = 'j1';
  const later = await untilStatus(job.handle, ({ items }) => items?.some(({ stepId }) => stepId === 'inside') === true);
  assert.deepEqual(later.items, [
    { stepId: 'each', total: 4, done: 4 },
    { stepId: 'inside', total: 2 },
  ]);
  held = undefined;
  await job.handle.result();
  assert.deepEqual((await statusOf(job.handle)).items!.at(-1), { stepId: 'inside', total: 2, done: 2 });
  assert.ok(existsSync(job.at('j1.txt')));
});

const once = { maxAttempts: 1 };

test('while a person is asked about one item, the others run on; answered, that one alone runs again', async () => {
  failing = 'f1';
  const job = await start([each('each', names(6, 'f'), { atOnce: 2, retry: once }), sum]);
  const question = await untilAsked(job.handle);
  assert.deepEqual([question.kind, question.stepId], ['stuck', 'each#1']);
  const { items, state } = await untilStatus(job.handle, (status) => status.items?.[0]?.done === 5);
  assert.deepEqual([items, state], [[{ stepId: 'each', total: 6, done: 5 }], 'waiting']);
  failing = undefined;
  await decide(job.handle, question.digest, 'rerun');
  const { outputs } = (await job.handle.result()) as { outputs: Record<string, unknown> };
  assert.deepEqual(outputs['each'], names(6, 'F'));
  assert.deepEqual(
    job.ranOf().toSorted(),
    [0, 1, 1, 2, 3, 4, 5].map((place) => `each#${place}`),
  );
});

test('approval: each item is asked about, and applied when it is approved; two at a time', async () => {
  const job = await start([each('each', names(3, 'p'), { atOnce: 2, approval: 'before-apply' })]);
  const { questions } = await untilStatus(job.handle, (status) => status.questions.length === 2);
  const [first, second] = questions.toSorted((one, other) => one.stepId!.localeCompare(other.stepId!));
  assert.deepEqual([first!.stepId, second!.stepId], ['each#0', 'each#1']);
  await decide(job.handle, second!.digest, 'approve');
  const third = await untilStatus(job.handle, (status) => status.questions.some(({ stepId }) => stepId === 'each#2'));
  assert.deepEqual([existsSync(job.at('p0.txt')), existsSync(job.at('p1.txt'))], [false, true]);
  for (const { digest } of third.questions) await decide(job.handle, digest, 'approve');
  await job.handle.result();
  assert.ok(existsSync(job.at('p0.txt')) && existsSync(job.at('p2.txt')));
});

test('onFailure: fail ends the job with the item that failed, once those under way have ended', async () => {
  failing = 'g1';
  const job = await start([each('each', names(6, 'g'), { atOnce: 2, retry: once, onFailure: 'fail' }), sum]);
  await assert.rejects(job.handle.result(), ({ cause }: { cause?: Error }) =>
    /Step each#1: .*no g1/.test(cause!.message),
  );
  assert.equal(existsSync(job.at('g0.txt')), true);
  assert.equal(existsSync(job.at('g5.txt')), false);
  failing = undefined;
});

test('a list of outputs that is too large is put to a person; rerun runs its items again', async () => {
  const large = { id: 'large', use: 'large', forEach: { items: [1, 2, 3], within: 'workflow' }, with: {} };
  largeChars = 200_000;
  const job = await start([large]);
  const question = await untilAsked(job.handle);
  assert.match(question.findings[0]!.found.text, /The outputs of 2 items have 400\d\d\d bytes/);
  assert.deepEqual(question.findings[0]!.rerunSteps, ['large#0', 'large#1']);
  largeChars = 3;
  await decide(job.handle, question.digest, 'rerun');
  const { outputs } = (await job.handle.result()) as { outputs: Record<string, unknown> };
  assert.deepEqual(outputs['large'], ['xxx', 'xxx', 'xxx']);
});

test('the example of docs/plans.md does what the page says', async () => {
  const example = codeBlocks('docs/plans.md').find(({ text }) => text.includes('forEach'))!;
  const { steps } = planOf(example.text) as { steps: Record<string, unknown>[] };
  const { handle, at } = await start(steps);
  const { outputs } = (await handle.result()) as { outputs: Record<string, { exitCode?: number }[]> };
  assert.deepEqual(
    outputs['convert']!.map(({ exitCode }) => exitCode),
    [0, 0],
  );
  assert.equal(readFileSync(at('out-1.html'), 'utf8'), 'b');
  assert.equal(readFileSync(at('index/1.txt'), 'utf8'), 'page 1: b.md');
});
