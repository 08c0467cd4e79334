/** Sub-steps, without a server: each guarded like a step, applied at its own end, answered from its record. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import type { StepContext } from '../../src/model/step/step-context.ts';
import { MAX_SUB_STEPS_AT_ONCE } from '../../src/model/step/sub-step.ts';
import { openTestJob } from '../../src/testing.ts';
import { chainOf } from '../support/ledger.ts';
import { questionFrom } from '../support/questions.ts';
import { act, failure, greet, SubStepJob } from '../support/sub-step-job.ts';
import { forEachTest } from '../support/tested-job.ts';

const tested = forEachTest(new SubStepJob());

test('a sub-step is applied at its own end, before the code around it goes on, applied at its own', async () => {
  tested.code = async (ctx) => {
    await ctx.files.write('outer.txt', 'outer');
    const wrote = await tested.write(ctx, 'one');
    assert.equal(tested.text('one.txt'), 'one');
    assert.equal(existsSync(tested.at('outer.txt')), false);
    return wrote;
  };
  assert.equal(await tested.act(), 'wrote one');
  assert.equal(tested.text('outer.txt'), 'outer');
  assert.deepEqual([tested.recorded('act:one'), tested.recorded('act')], [1, 1]);
});

test('on a retry a sub-step that is done answers from its record, and what it did is not done again', async () => {
  let attempts = 0;
  tested.code = async (ctx) => {
    const one = await tested.write(ctx, 'one');
    const row = await ctx.step('row', { id: 1 }, async (sub, { id }) => {
      tested.ran.push('row');
      await sub.db('main').insert('note', { id, text: 'once' });
      return { id };
    });
    attempts += 1;
    if (attempts < 3) throw new Error(`attempt ${attempts}`);
    return [one, row];
  };
  await failure(tested.act(), 'step-failed');
  await failure(tested.act(), 'step-failed');
  assert.deepEqual(await tested.act(), ['wrote one', { id: 1 }]);
  assert.deepEqual(tested.ran, ['act', 'one', 'row', 'act', 'act']);
  assert.deepEqual([tested.recorded('act:one'), tested.recorded('act:row')], [1, 1]);
});

test('nothing of a sub-step that throws is applied, and the code around it may go on', async () => {
  tested.code = async (ctx) => {
    const failed = await ctx
      .step('bad', null, async (sub) => {
        await sub.files.write('bad.txt', 'bad');
        throw new Error('no');
      })
      .catch((error: unknown) => (error as Error).message);
    return [failed, await tested.write(ctx, 'good')];
  };
  assert.deepEqual(await tested.act(), ['Step act:bad failed: Error: no', 'wrote good']);
  assert.equal(existsSync(tested.at('bad.txt')), false);
});

test('a contract in place of a name runs the code that the worker has for it, under its name or another', async () => {
  tested.code = async (ctx) => [
    await ctx.step(greet, { name: 'ann' }),
    await ctx.step(greet, { name: 'bob' }, { name: 'second' }),
  ];
  assert.deepEqual(await tested.act(), [{ text: 'hello ann' }, { text: 'hello bob' }]);
  assert.deepEqual([tested.recorded('act:greet'), tested.recorded('act:second')], [1, 1]);
  assert.equal(tested.text('greet/bob.txt'), 'bob');
});

test('a job that is undone undoes its sub-steps, finished or not, newest first', async () => {
  tested.code = async (ctx) => {
    await tested.write(ctx, 'one');
    await ctx.step('row', null, async (sub) => await sub.db('main').insert('note', { id: 1, text: 'x' }));
    return await tested.write(ctx, 'two');
  };
  await tested.act();
  tested.code = async (ctx) => {
    await tested.write(ctx, 'three');
    throw new Error('unfinished');
  };
  await failure(tested.act('late'), 'step-failed');
  const report = await tested.job.undo();
  assert.deepEqual(
    ['one.txt', 'two.txt', 'three.txt'].map((name) => existsSync(tested.at(name))),
    [false, false, false],
  );
  assert.deepEqual([report.steps, report.subSteps, report.leftTotal], [0, 4, 1], JSON.stringify(report));
  const undone = chainOf(tested.job.workspace, tested.job.jobId).flatMap((record) =>
    record.kind === 'undone' && record.stepId !== 'table' ? [record.stepId] : [],
  );
  assert.deepEqual(undone, ['late:three', 'act:two', 'act:row', 'act:one']);
});

test('parallel sub-steps run where they touch different resources; of one resource both are named', async () => {
  let running = 0;
  let most = 0;
  tested.code = async (ctx) => {
    const names = Array.from({ length: MAX_SUB_STEPS_AT_ONCE + 8 }, (_, index) => `n${index}`);
    const one = async (name: string): Promise<string> =>
      await ctx.step(name, null, async (sub) => {
        running += 1;
        most = Math.max(most, running);
        await sub.files.write(`${name}.txt`, name);
        await new Promise((resolve) => setTimeout(resolve, 5));
        running -= 1;
        return name;
      });
    return (await Promise.all(names.map(one))).length;
  };
  assert.equal(await tested.act(), MAX_SUB_STEPS_AT_ONCE + 8);
  assert.equal(most, MAX_SUB_STEPS_AT_ONCE);
  tested.code = async (ctx) => {
    const both = (name: string): Promise<unknown> =>
      ctx.step(name, null, async (sub) => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        await sub.files.write('same.txt', name);
      });
    await Promise.all([both('left'), both('right')]);
  };
  const { found } = (await questionFrom(tested.act('clash'))).findings[0]!;
  assert.match(found.text, /^same-target-twice: Steps clash:right and clash:left .* both write file:same\.txt/);
});

for (const [what, code] of [
  [
    'reads before',
    async (ctx: StepContext): Promise<unknown> => {
      await ctx.files.exists('shared.txt');
      return await tested.write(ctx, 'shared');
    },
  ],
  [
    'stages',
    async (ctx: StepContext): Promise<unknown> => {
      await ctx.files.write('shared.txt', 'outer');
      return await tested.write(ctx, 'shared');
    },
  ],
] as const)
  test(`a sub-step does not write what the code around it ${what}`, async () => {
    tested.code = code;
    const { found } = (await questionFrom(tested.act())).findings[0]!;
    assert.match(found.text, /^same-target-twice: Sub-step act:shared writes file:shared\.txt, which step act /);
    assert.equal(existsSync(tested.at('shared.txt')), false);
  });

test('what a sub-step is given on a retry is what it was given before, or a person is asked', async () => {
  let attempts = 0;
  tested.code = async (ctx) => {
    attempts += 1;
    await tested.write(ctx, 'one', `attempt ${attempts}`);
    throw new Error('again');
  };
  await failure(tested.act(), 'step-failed');
  const question = await questionFrom(tested.act());
  assert.match(question.findings[0]!.found.text, /token-conflict: Step act:one/);
  assert.equal(tested.text('one.txt'), 'attempt 1');
});

test('a value of ctx.once that was computed after another result of a sub-step is not used again', async () => {
  const values: number[] = [];
  let attempts = 0;
  tested.code = async (ctx) => {
    attempts += 1;
    if (attempts > 1) await ctx.step('more', null, () => 'another result');
    values.push(await ctx.once('value', () => attempts));
    if (attempts < 3) throw new Error('again');
    return values;
  };
  await failure(tested.act(), 'step-failed');
  await failure(tested.act(), 'step-failed');
  assert.deepEqual(await tested.act(), [1, 2, 2]);
});

test('a value of a sub-step that was computed for another input is not used again', async () => {
  let attempts = 0;
  tested.code = async (ctx) => {
    attempts += 1;
    return await ctx.step('valued', { attempts }, async (sub, given) => {
      const value = await sub.once('value', () => given.attempts);
      if (attempts < 2) throw new Error('again');
      return value;
    });
  };
  await failure(tested.act(), 'step-failed');
  assert.equal(await tested.act(), 2);
});

test('a sub-step of an attempt that was replaced meanwhile applies nothing', async () => {
  let begun = (): void => undefined;
  let goOn = (): void => undefined;
  const isBegun = new Promise<void>((resolve) => (begun = resolve));
  const mayGoOn = new Promise<void>((resolve) => (goOn = resolve));
  tested.code = (ctx) =>
    ctx.step('one', null, async (sub) => {
      begun();
      await mayGoOn;
      await sub.files.write('one.txt', 'the first');
      return 'the first';
    });
  const first = tested.act();
  await isBegun;
  tested.code = (ctx) => ctx.step('two', null, async (sub) => sub.files.write('two.txt', 'the second'));
  const { memory, workspace } = tested.job;
  const second = openTestJob({
    ...tested.options(),
    databases: { main: 'sqlite:main.db' },
    workspace,
    resume: memory,
    workerId: 'another',
  });
  try {
    await second.step(act, {}, { stepId: 'act' });
    goOn();
    await failure(first, 'fenced');
  } finally {
    await second.close();
  }
  assert.deepEqual([existsSync(tested.at('one.txt')), existsSync(tested.at('two.txt'))], [false, true]);
  assert.deepEqual([tested.recorded('act:one'), tested.recorded('act:two')], [0, 1]);
});

test('bad input is refused by name, and changes nothing', async () => {
  const refused: [string, RegExp, (ctx: StepContext) => unknown][] = [
    [
      'once-name-twice',
      /ctx\.step\("a"\).*used the name before/,
      (ctx) => [tested.write(ctx, 'a'), tested.write(ctx, 'a')],
    ],
    ['bad-input', /the name is not usable/, (ctx) => ctx.step('a:b', null, () => null)],
    ['bad-input', /given no code/, (ctx) => (ctx.step as (name: string, input: null) => unknown)('a', null)],
    [
      'bad-input',
      /"aproval", which is unknown/,
      (ctx) => ctx.step('a', null, () => null, { aproval: 'always' } as never),
    ],
    [
      'bad-input',
      /ctx\.step\("a"\) was given options .*timeoutMs: /,
      (ctx) => ctx.step('a', null, () => null, { timeoutMs: 0 }),
    ],
    [
      'bad-input',
      /ctx\.step\("a"\) was given options .*approval: .*"before-apply"\|"always"/,
      (ctx) => ctx.step('a', null, () => null, { approval: 'before' as never }),
    ],
    ['not-json', /input is a Date/, (ctx) => ctx.step('a', new Date() as never, () => null)],
    ['not-json', /output/, (ctx) => ctx.step('a', null, () => new Date() as never)],
    ['too-large', /262144/, (ctx) => ctx.step('a', null, () => 'x'.repeat(300_000))],
    ['too-large', /524288/, (ctx) => ctx.step('a', 'x'.repeat(600_000), () => null)],
    ['bad-input', /does not fit the contract of greet/, (ctx) => ctx.step(greet, { name: 1 } as never)],
    [
      'bad-input',
      /act:a:b lies 2 deep/,
      (ctx) => ctx.step('a', null, (a) => a.step('b', null, (b) => b.step('c', null, () => null))),
    ],
  ];
  for (const [type, text, code] of refused) {
    tested.code = async (ctx) => await Promise.all([code(ctx)].flat());
    const question = await questionFrom(tested.job.run({ stepId: 'act', step: 'act', input: {}, maxAttempts: 1 }));
    assert.match(question.findings[0]!.found.text, text, String(text));
    assert.match(question.findings[0]!.found.text, new RegExp(`^${type}:`));
    await tested.decide(question, { answer: 'rerun' });
  }
});

test('a sub-step after the end of the code around it does nothing', async () => {
  let late: StepContext | undefined;
  tested.code = (ctx) => void (late = ctx);
  await tested.act();
  assert.match(await failure(tested.write(late!, 'late'), 'fenced'), /Step act has ended; ctx\.step\("late"\)/);
  assert.equal(existsSync(tested.at('late.txt')), false);
});
