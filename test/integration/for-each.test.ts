/** A plan's `forEach`, without a server: within one Activity as sub-steps, or as steps of their own. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join as joined } from 'node:path';
import { test } from 'node:test';
import * as z from 'zod';
import { validatePlan } from '../../src/model/plan/check/check.ts';
import { defineStep, implementStep, openTestJob } from '../../src/testing.ts';
import { cli } from '../support/cli-terminal.ts';
import { chainOf } from '../support/ledger.ts';
import { questionFrom } from '../support/questions.ts';
import { forEachTest, TestedJob } from '../support/tested-job.ts';
import { untilTrue } from '../support/until.ts';

const list = defineStep({ name: 'list', input: z.object({}), output: z.object({ names: z.array(z.string()) }) });
const write = defineStep({
  name: 'write',
  input: z.strictObject({ name: z.string(), place: z.int() }),
  output: z.strictObject({ text: z.string() }),
});
const join = defineStep({ name: 'join', input: z.strictObject({ texts: z.any() }), output: z.string() });

/** A secret of the job. */
const TOKEN = 'open-sesame-8712';

class ForEachJob extends TestedJob {
  ran: string[] = [];
  names = ['a', 'b', 'c'];
  fails: string | undefined;
  /** How many items wait for each other before they write. */
  meet = 0;
  /** What an item returns besides. */
  more = '';
  /** A file that the step which makes the list writes. */
  listed: string | undefined;
  #met = 0;

  override begin(): void {
    this.ran = [];
    this.names = ['a', 'b', 'c'];
    this.fails = undefined;
    this.more = '';
    this.listed = undefined;
    this.#met = 0;
    const steps = [
      implementStep(list, async (ctx) => {
        if (this.listed !== undefined) await ctx.files.write(this.listed, 'listed');
        return { names: this.names };
      }),
      implementStep(write, async (ctx, { name, place }) => {
        this.ran.push(`${ctx.stepId} ${name}`);
        if (this.fails === name) throw new Error(`no ${name}`);
        this.#met += 1;
        await untilTrue(() => this.#met >= this.meet, { everyMs: 5 });
        await ctx.files.write(`${name}.txt`, `${place}`);
        return { text: `${name}${place}${this.more}` };
      }),
      implementStep(join, (_, { texts }) => (texts as { text: string }[]).map(({ text }) => text).join(' ')),
    ];
    this.job = openTestJob({ steps: steps as never, secrets: ['TOKEN'], env: { TOKEN } });
  }

  recorded(): readonly string[] {
    return chainOf(this.job.workspace, this.job.jobId).flatMap((record) =>
      record.kind === 'step' ? [record.stepId] : [],
    );
  }
}

const failureOf = async (work: Promise<unknown>): Promise<string> =>
  await work.then(JSON.stringify, (error: unknown) => (error as Error).message);

const tested = forEachTest(new ForEachJob());

const planOf = (forEach: Readonly<Record<string, unknown>>): unknown => ({
  schemaVersion: 1,
  name: 'each',
  workspace: '.',
  steps: [
    { id: 'list', use: 'list' },
    {
      id: 'each',
      use: 'write',
      forEach: { items: '${{ steps.list.output.names }}', ...forEach },
      with: { name: '${{ item }}', place: '${{ index }}' },
    },
    { id: 'join', use: 'join', with: { texts: '${{ steps.each.output }}' } },
  ],
});

test('within an activity each item is a sub-step; the output is the list of outputs, in its order', async () => {
  const { outputs } = await tested.job.runPlan(planOf({ atOnce: 2 }));
  assert.equal(outputs['join'], 'a0 b1 c2');
  assert.deepEqual(tested.recorded(), ['list', 'each:0', 'each:1', 'each:2', 'each', 'join']);
  assert.equal(tested.text('c.txt'), '2');
});

test('within the workflow each item is a step of its own, under the id of the step and its place', async () => {
  const { outputs } = await tested.job.runPlan(planOf({ within: 'workflow' }));
  assert.equal(outputs['join'], 'a0 b1 c2');
  assert.deepEqual(tested.recorded(), ['list', 'each#0', 'each#1', 'each#2', 'join']);
});

for (const within of ['activity', 'workflow'] as const) {
  test(`within the ${within}: an empty list is done at once`, async () => {
    tested.names = [];
    assert.deepEqual((await tested.job.runPlan(planOf({ within }))).outputs['each'], []);
  });

  test(`within the ${within}: without outputs the step comes to null, however much its items return`, async () => {
    tested.more = 'x'.repeat(100_000);
    const plan = planOf({ within, outputs: 'none' }) as { steps: object[] };
    plan.steps.pop();
    assert.equal((await tested.job.runPlan(plan)).outputs['each'], null);
    assert.equal(tested.ran.length, 3);
    assert.match(await failureOf(tested.job.runPlan(planOf({ within, outputs: 'none' }))), /outputs: none/);
  });

  test(`within the ${within}: an item that fails is tried again, and those that are done are not`, async () => {
    tested.fails = 'b';
    const question = await questionFrom(tested.job.runPlan(planOf({ within })));
    assert.match(question.findings[0]!.found.text, /no b/);
    tested.fails = undefined;
    await tested.decide(question, { answer: 'rerun' });
    assert.equal((await tested.job.runPlan(planOf({ within }))).outputs['join'], 'a0 b1 c2');
    assert.equal(tested.ran.filter((one) => one.endsWith(' a')).length, within === 'workflow' ? 1 : 2);
  });

  test(`within the ${within}: no item is begun after one has failed; recheck goes on behind what is done`, async () => {
    tested.fails = 'b';
    const question = await questionFrom(tested.job.runPlan(planOf({ within, atOnce: 1 })));
    assert.equal(
      tested.ran.some((one) => one.endsWith(' c')),
      false,
    );
    if (within === 'activity')
      assert.match(question.findings[0]!.advice!, /1 sub-step is done: recheck .* goes on behind what is done/);
    tested.fails = undefined;
    await tested.decide(question, { answer: 'recheck' });
    assert.equal((await tested.job.runPlan(planOf({ within }))).outputs['join'], 'a0 b1 c2');
    const once = ['a', 'c'].map((name) => tested.ran.filter((one) => one.endsWith(` ${name}`)).length);
    assert.deepEqual(once, [1, 1]);
  });

  test(`within the ${within}: two items at once that write one file are named; in a row both count`, async () => {
    tested.names = ['a', 'a'];
    tested.meet = 2;
    const { found } = (await questionFrom(tested.job.runPlan(planOf({ within, atOnce: 2 })))).findings[0]!;
    assert.match(found.text, /each[:#][01] and each[:#][01].* both write file:a\.txt/);
    tested.meet = 0;
    await tested.end();
    tested.begin();
    tested.names = ['a', 'a'];
    await tested.job.runPlan(planOf({ within, atOnce: 1 }));
    assert.equal(tested.text('a.txt'), '1');
  });

  test(`within the ${within}: a list of outputs that is too large is refused before further items run`, async () => {
    tested.names = ['a', 'b', 'c', 'd'];
    tested.more = 'x'.repeat(100_000);
    const refused = await failureOf(tested.job.runPlan(planOf({ within, atOnce: 1 })));
    assert.match(refused, /The outputs of 3 items have 300\d\d\d bytes; the list of all outputs may have 262144/);
    assert.match(refused, /Let each item return less/);
    assert.equal(existsSync(tested.at('d.txt')), false);
  });

  test(`within the ${within}: an item that holds a secret is refused by that one’s name, kept nowhere`, async () => {
    const { findings } = await questionFrom(tested.job.runPlan(planOf({ within, items: [TOKEN, 'b'] })));
    const step = within === 'activity' ? 'each' : 'each#0';
    assert.match(
      findings[0]!.found.text,
      new RegExp(
        `^secret-in-output: The secret TOKEN must be in no record: what step ${step} is given, .*would hold it`,
      ),
    );
    assert.deepEqual(tested.ran, []);
    for (const entry of readdirSync(tested.at('.holdfast'), { recursive: true, withFileTypes: true }))
      if (entry.isFile())
        assert.equal(readFileSync(joined(entry.parentPath, entry.name)).includes(TOKEN), false, entry.name);
  });

  test(`within the ${within}: a job that is undone undoes each item, newest first`, async () => {
    await tested.job.runPlan(planOf({ within }));
    const { steps, subSteps = 0, effects, leftTotal } = await tested.job.undo();
    assert.deepEqual(
      ['a', 'b', 'c'].map((name) => existsSync(tested.at(`${name}.txt`))),
      [false, false, false],
    );
    assert.deepEqual([steps, subSteps], within === 'activity' ? [0, 3] : [3, 0]);
    assert.deepEqual([effects, leftTotal], ['3 files', 0]);
    await tested.end();
    tested.begin();
    tested.fails = 'c';
    await questionFrom(tested.job.runPlan(planOf({ within })));
    assert.equal((await tested.job.undo()).effects, '2 files');
    assert.equal(existsSync(tested.at('a.txt')), false);
  });
}

test('a file of one item that somebody changed runs that step again alone where it is a step of its own', async () => {
  await tested.job.runPlan(planOf({ within: 'workflow' }));
  tested.put('b.txt', 'by hand');
  const compared = await tested.job.verify();
  assert.equal(compared.kind, 'question');
  const [finding] = compared.kind === 'question' ? compared.question.findings : [];
  assert.equal(finding!.recordedBy!.stepId, 'each#1');
  assert.deepEqual(finding!.rerunSteps, ['each#1', 'join']);
});

for (const within of ['activity', 'workflow'] as const)
  test(`within the ${within}: log and diff take the step for all its items, and an item by its own id`, async () => {
    await tested.job.runPlan(planOf({ within }));
    const one = within === 'activity' ? 'each:1' : 'each#1';
    const told = async (command: string, step: string): Promise<readonly string[]> =>
      (await cli([command, tested.job.workspace, '--step', step])).out.match(/\w\.txt/g) ?? [];
    for (const command of ['log', 'diff']) {
      assert.deepEqual(new Set(await told(command, 'each')), new Set(['a.txt', 'b.txt', 'c.txt']));
      assert.deepEqual(new Set(await told(command, one)), new Set(['b.txt']));
    }
    const { code, err } = await cli(['log', tested.job.workspace, '--step', 'each#9']);
    assert.deepEqual([code, /no record of a step each#9/.test(err)], [2, true], err);
  });

test('what is no list, or too long a one, is put to a person by the name of the step', async () => {
  const refusedWith = async (forEach: Readonly<Record<string, unknown>>): Promise<string> =>
    await failureOf(tested.job.runPlan(planOf(forEach)));
  assert.match(
    await refusedWith({ items: '${{ steps.list.output }}' }),
    /Step "each" cannot be given its input: forEach.items is no list: .* is an object; of its members names is\./,
  );
  assert.match(await refusedWith({ items: '${{ steps.list.output.names[0] }}' }), /is no list: .* is text\./);
  const items = Array.from({ length: 10_000 }, (_, index) => `a-name-of-quite-some-length-${index}`);
  assert.match(
    await refusedWith({ items }),
    /its 10000 items are given 5\d{5} bytes together; within an activity at most 523264 are taken\. Give each less/,
  );
  assert.match(await refusedWith({ items, within: 'workflow' }), /at most 1000 items/);
  assert.deepEqual(tested.ran, []);
});

test('what uses an empty list depends on what the list came from', async () => {
  tested.names = [];
  tested.listed = 'listed.txt';
  await tested.job.runPlan(planOf({ within: 'workflow' }));
  tested.put('listed.txt', 'by hand');
  const compared = await tested.job.verify();
  assert.equal(compared.kind, 'question');
  assert.deepEqual(compared.kind === 'question' && compared.question.findings[0]!.rerunSteps, ['list', 'join']);
});

test('a plan is checked: what may refer to an item, and what a list of outputs is', () => {
  const problems = (plan: unknown): string =>
    JSON.stringify(
      (validatePlan(plan, { knownSteps: [list, write, join] as never }) as { problems?: unknown }).problems,
    );
  assert.equal(problems(planOf({})), undefined);
  assert.match(problems(planOf({ atOnce: 0 })), /atOnce/);
  assert.match(problems(planOf({ within: 'both' })), /within/);
  assert.match(problems(planOf({ outputs: 'none' })), /leads nowhere.*steps.each.output is null: its forEach says/);
  const outside = planOf({}) as { steps: { with?: unknown; forEach?: unknown }[] };
  outside.steps[2]!.with = { texts: '${{ item }}' };
  assert.match(problems(outside), /item can be used in with, of a step with forEach/);
  const member = planOf({}) as { steps: { with?: unknown }[] };
  member.steps[2]!.with = { texts: '${{ steps.each.output.text }}' };
  assert.match(problems(member), /to be an object/);
  assert.match(problems(planOf({ items: '${{ steps.list.output }}' })), /is no list.*found.*type object/);
  assert.match(problems(planOf({ items: 'a, b' })), /a list, or one reference to a list and nothing else/);
  assert.match(problems(planOf({ items: [new Date()] })), /items/);
  assert.match(problems(planOf({ items: Array(1_001).fill('a'), within: 'workflow' })), /the list is too long/);
  const waits = planOf({}) as { steps: { use?: unknown; with?: unknown }[] };
  Object.assign(waits.steps[1]!, { use: 'wait', with: { seconds: 1 } });
  waits.steps.pop();
  assert.match(problems(waits), /a wait cannot run once for each item/);
});
