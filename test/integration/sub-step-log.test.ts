/** Sub-steps as `holdfast log` and `holdfast diff` tell them, without a server. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cli, type Ran } from '../support/cli-terminal.ts';
import { comparedQuestion, questionFrom } from '../support/questions.ts';
import { failure, greet, SubStepJob } from '../support/sub-step-job.ts';
import { forEachTest } from '../support/tested-job.ts';

const tested = forEachTest(new SubStepJob());

async function log(...args: string[]): Promise<Ran> {
  return await cli(['log', tested.job.workspace, ...args]);
}

/** The lines of a log, without times and heads. */
function linesOf({ out }: Ran): readonly string[] {
  return out.split('\n').map((line) => line.replace(/ {2}\d{4}-\d\d-\d\dT.*$/, ''));
}

/** As many files, each by a sub-step of its own. */
function files(count: number): void {
  tested.code = async (ctx) => {
    for (let index = 0; index < count; index++) await tested.write(ctx, `file/${index}`);
  };
}

test('few sub-steps are told below the step in whose code they ran, in their order', async () => {
  tested.code = async (ctx) => [await tested.write(ctx, 'one'), await ctx.step(greet, { name: 'ada' })];
  await tested.act();
  const lines = linesOf(await log());
  const from = lines.findIndex((line) => line.includes('step act'));
  assert.deepEqual(lines.slice(from, from + 12), [
    '  6  step act',
    '       read code:act',
    '       output ["wrote one",{"text":"hello ada"}]',
    '       2 sub-steps, records 4 to 5: 2 files, 1 folder',
    '         4  one',
    '              create one.txt (3 bytes)',
    '              output "wrote one"',
    '         5  greet',
    '              create folder greet/',
    '              create greet/ada.txt (3 bytes)',
    '              output {"text":"hello ada"}',
    '',
  ]);
});

test('many sub-steps are counted, and each is told where that is asked for; JSON has every record', async () => {
  files(40);
  await tested.act();
  const short = await log();
  assert.match(short.out, /40 sub-steps, records 4 to 43: 40 files, 1 folder/);
  assert.match(short.out, /the first file\/0, the last file\/39; each: holdfast log \S+ --step act\n/);
  assert.doesNotMatch(short.out, /file\/17/);
  for (const args of [['--full'], ['--step', 'act']])
    assert.equal((await log(...args)).out.match(/create file\/\d+\.txt/g)?.length, 40, args.join(' '));
  assert.deepEqual(linesOf(await log('--step', 'act:file/17')).slice(2, 4), [
    ' 21  step act:file/17',
    '       create file/17.txt (7 bytes)',
  ]);
  const { records } = (await log('--json')).json<{ records: { readonly seq: number }[] }>();
  assert.deepEqual(
    records.map(({ seq }) => seq),
    Array.from({ length: 44 }, (_, place) => place + 1),
  );
});

test('a step without a record is an error that names the nearest', async () => {
  files(1);
  await tested.act();
  const { code, err } = await log('--step', 'act:file/1');
  assert.deepEqual([code, /no record of a step act:file\/1\. Did you mean act:file\/0\?/.test(err)], [2, true], err);
});

test('what came between sub-steps stands between them; a step that was run again has those of each try', async () => {
  let fails = true;
  tested.code = async (ctx) => {
    await tested.write(ctx, 'one');
    if (fails) throw new Error('not yet');
    await tested.write(ctx, 'two');
  };
  await failure(tested.act(), 'step-failed');
  tested.put('one.txt', 'by hand');
  fails = false;
  await tested.decide(await comparedQuestion(tested.job), { answer: 'rerun' });
  await tested.act();
  const told = linesOf(await log()).filter((line) => /^ *[\d-]+ {2}|sub-step/.test(line));
  assert.deepEqual(
    told.slice(3).map((line) => line.trim()),
    [
      '4  step act: not finished by then',
      '1 sub-step, record 4: 1 file',
      '4  one',
      '5  decision of test: rerun',
      '8  step act · second try',
      '2 sub-steps, records 6 to 7: 2 files',
      '6  one',
      '7  two',
    ],
  );
});

test('what is undone of many sub-steps is counted, too', async () => {
  files(20);
  await tested.act();
  await tested.job.undo({ by: 'a person', reason: 'test' });
  assert.match((await log()).out, /undone: 20 sub-steps of step act .*\n +20 sub-steps, records 26 to 45: 20 files/);
});

test('the changes of a step are those of its sub-steps, too', async () => {
  files(2);
  await tested.act();
  const names = async (step: string): Promise<string> =>
    (await cli(['diff', tested.job.workspace, '--step', step, '--name-only'])).out.trim();
  assert.equal(await names('act'), 'file:file\nfile:file/0.txt\nfile:file/1.txt');
  assert.equal(await names('act:file/1'), 'file:file/1.txt');
});

test('a failure names the sub-step in which it was', async () => {
  tested.code = (ctx) =>
    ctx.step('row/7', null, async (sub) => await sub.db('main').insert('note', { id: 1, text: null }));
  const [finding] = (await questionFrom(tested.act())).findings;
  assert.match(finding!.found.text, /^sql-failed: Sub-step act:row\/7: /);
});
