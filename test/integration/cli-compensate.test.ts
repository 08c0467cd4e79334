/**
 * `abort --compensate` and `cancel --compensate` of the command line: the preview, the question and the report.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import type { UndoPreview } from '../../src/client.ts';
import { defineStep, implementStep } from '../../src/model/step/step.ts';
import { cli, type Ran, type TerminalOptions } from '../support/cli-terminal.ts';
import { testWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-cli-undo-')));
const env = { ...process.env, ...temporal.env, NO_COLOR: '1' };

const calling = defineStep({ name: 'calling', input: z.strictObject({}), output: z.strictObject({}) });
const callCode = implementStep(calling, async (ctx) => {
  await ctx.perform('bill', { run: () => 'billed' });
  return {};
});

const PLAN = `schemaVersion: 1
name: undone
workspace: unused
databases: { main: { url: "sqlite:app.db" } }
steps:
  - id: table
    use: db.sql
    with: { database: main, sql: "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)", writes: [note] }
  - { id: note, use: db.upsert, needs: [table], with: { database: main, table: note, rows: [{ id: 1, text: one }] } }
  - { id: bill, use: calling, needs: [note], with: {} }
  - { id: draft, use: file.write, needs: [bill], with: { path: out/draft.txt, content: draft } }
  - { id: final, use: file.copy, needs: [draft], approval: before-apply, with: { from: out/draft.txt, to: final.txt } }
`;

before(() => {
  writeFileSync(join(root, 'plan.yaml'), PLAN);
  writeFileSync(
    join(root, 'steps.mjs'),
    `import * as z from ${JSON.stringify(import.meta.resolve('zod'))};
import { defineStep, implementStep } from ${JSON.stringify(join(import.meta.dirname, '../../src/index.ts'))};
const contract = defineStep({ name: 'calling', input: z.strictObject({}), output: z.strictObject({}) });
export const calling = implementStep(contract, () => ({}), { compensate: () => undefined });\n`,
  );
});

testWorker(temporal, { taskQueue, root, steps: [callCode] });

after(() => rmSync(root, { recursive: true, force: true }));

async function holdfast(args: readonly string[], options: TerminalOptions = {}): Promise<Ran> {
  return await cli(args, { cwd: root, env, ...options });
}

async function asks(job: string): Promise<void> {
  for (const endMs = Date.now() + 20_000; Date.now() < endMs; await delay(100))
    if ((await holdfast(['question', job])).code === 3) return;
  assert.fail(`${job} does not ask`);
}

async function started(): Promise<string> {
  const job = temporal.unique('undone');
  const ran = await holdfast([
    'start',
    'plan.yaml',
    '--steps',
    'steps.mjs',
    '--id',
    job,
    '--workspace',
    job,
    '-q',
    taskQueue,
  ]);
  assert.equal(ran.code, 0, ran.err);
  await asks(job);
  return job;
}

const filesOf = (job: string): readonly string[] =>
  readdirSync(join(root, job), { recursive: true })
    .map(String)
    .filter((name) => !name.startsWith('.holdfast') && !name.startsWith('app.db'));

test(
  'a dry run lists what would be undone, newest first, and what would stay; the abort undoes it and tells',
  { timeout: 60_000 },
  async () => {
    const job = await started();
    const dry = await holdfast(['decide', job, 'abort', '--compensate', '--dry-run', '--json']);
    assert.equal(dry.code, 0, dry.err);
    const { undoes } = dry.json<{ undoes: readonly UndoPreview[] }>();
    assert.deepEqual(
      undoes.map(({ stepId, compensates, undoes: lines, leaves }) => [
        stepId,
        compensates,
        lines,
        leaves.map(({ what }) => what),
      ]),
      [
        ['draft', false, ['file:out/draft.txt', 'file:out'], []],
        // The configuration in this folder has no code for the step.
        ['bill', null, [], ['perform:bill/bill']],
        ['note', false, ['row:main/note/{"id":1}'], []],
        ['table', false, [], ['run SQL on main: CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)']],
      ],
    );
    const known = await holdfast(['decide', job, 'abort', '--compensate', '--dry-run', '--steps', 'steps.mjs']);
    assert.match(
      known.out,
      /^ {2}draft\n {4}file:out\/draft\.txt\n {4}file:out\n {2}bill {2}its own compensation first\n/m,
    );
    assert.match(known.out, /stays: run SQL on main: CREATE TABLE note .*: the statement has no undo/);
    assert.ok(filesOf(job).includes('out/draft.txt'), 'nothing is changed');

    const refused = await holdfast(['decide', job, 'approve', '--compensate', '--reason', 'x', '--by', 'ada']);
    assert.equal(refused.code, 2);
    assert.match(refused.err, /compensate undoes what the job did when it is aborted/);

    const ran = await holdfast([
      'decide',
      job,
      'abort',
      '--compensate',
      '--reason',
      'the order was withdrawn',
      '--by',
      'ada',
    ]);
    assert.equal(ran.code, 0, ran.err);
    assert.match(ran.out, /^Decided for question [0-9a-f]{12}: abort, and what the job did is undone\./);
    const result = await holdfast(['result', job, '--wait']);
    assert.equal(result.code, 1);
    const undone =
      /was aborted: Aborted by ada: the order was withdrawn\. Undone: 2 steps \(1 file, 1 folder, 1 row\)\./;
    const notUndone = /Not undone: perform:bill\/bill \(.*\); run SQL on main: CREATE TABLE/;
    assert.match(result.out, new RegExp(`${undone.source} ${notUndone.source}`));
    assert.deepEqual(filesOf(job), []);
    const status = await holdfast(['status', job]);
    assert.match(status.out, /↶ draft +undone/);
    assert.match(status.out, /↶ bill +partly-undone/);
    const log = await holdfast(['log', job]);
    assert.match(log.out, /from here on the job is undone, by ada/);
    assert.match(log.out, /undone: step draft \(record \d+\).*\n +put out\/draft\.txt back: not there\n/);
    assert.match(log.out, /not undone: perform:bill\/bill: a call cannot be undone by itself/);
  },
);

test('interactively: an abort asks whether to undo, and shows what', { timeout: 60_000 }, async () => {
  const job = await started();
  const ran = await holdfast(['decide', job, '--by', 'grace'], { answers: ['abort', 'y', 'over', 'y'] });
  assert.equal(ran.code, 0, ran.err);
  assert.match(ran.out, /Undo what the job did, newest first.*y\n/);
  assert.match(ran.out, /Undone, newest first, each only where the world still shows it/);
  assert.equal((await holdfast(['result', job, '--wait'])).code, 1);
  assert.deepEqual(filesOf(job), []);
  const kept = await started();
  await holdfast(['decide', kept, '--by', 'grace'], { answers: ['abort', 'n', 'over', 'y'] });
  assert.equal((await holdfast(['result', kept, '--wait'])).code, 1);
  assert.equal(existsSync(join(root, kept, 'out/draft.txt')), true);
});

test('interactively: an abort without the job’s record does not ask whether to undo', { timeout: 60_000 }, async () => {
  const job = await started();
  renameSync(join(root, job, '.holdfast'), join(root, `${job}-away`));
  await holdfast(['decide', job, 'approve', '--by', 'grace', '--reason', 'fine']);
  await until(
    async () => (await holdfast(['question', job])).out,
    (shown) => shown.includes('ledger-missing'),
  );
  const ran = await holdfast(['decide', job, '--by', 'grace'], { answers: ['abort', 'over', 'y'] });
  assert.equal(ran.code, 0, ran.err);
  assert.match(ran.out, /What the job did stays as it is: without the job's record nothing can be undone\.\n/);
  assert.doesNotMatch(ran.out, /Undo what the job did/);
  assert.equal((await holdfast(['result', job, '--wait'])).code, 1);
});

test(
  'cancel --compensate undoes a job that is not asked about it, and says why it needs a reason',
  { timeout: 60_000 },
  async () => {
    const job = await started();
    const bare = await holdfast(['cancel', job, '--compensate']);
    assert.equal(bare.code, 2);
    assert.match(bare.err, /--compensate needs --reason WHY/);
    assert.equal((await holdfast(['cancel', job, '--reason', 'x'])).code, 2);
    const ran = await holdfast(['cancel', job, '--compensate', '--reason', 'over', '--by', 'ada', '--wait']);
    assert.equal(ran.code, 0, ran.err);
    assert.match(ran.out, /was asked to undo what it did, and to end\. It has ended: aborted\./);
    assert.deepEqual(filesOf(job), []);
  },
);
