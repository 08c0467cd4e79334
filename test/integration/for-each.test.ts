/** A plan's `forEach`, without a server: within one Activity as sub-steps, or as steps of their own. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import * as z from 'zod';
import { validatePlan } from '../../src/model/plan/check/check.ts';
import { defineStep, implementStep, openTestJob } from '../../src/testing.ts';
import { chainOf } from '../support/ledger.ts';
import { questionFrom } from '../support/questions.ts';
import { forEachTest, TestedJob } from '../support/tested-job.ts';

const list = defineStep({ name: 'list', input: z.object({}), output: z.object({ names: z.array(z.string()) }) });
const write = defineStep({
  name: 'write',
  input: z.strictObject({ name: z.string(), place: z.int() }),
  output: z.strictObject({ text: z.string() }),
});
const join = defineStep({ name: 'join', input: z.strictObject({ texts: z.any() }), output: z.string() });

class ForEachJob extends TestedJob {
  ran: string[] = [];
  names = ['a', 'b', 'c'];
  fails: string | undefined;

  override begin(): void {
    this.ran = [];
    this.names = ['a', 'b', 'c'];
    this.fails = undefined;
    const steps = [
      implementStep(list, () => ({ names: this.names })),
      implementStep(write, async (ctx, { name, place }) => {
        this.ran.push(`${ctx.stepId} ${name}`);
        if (this.fails === name) throw new Error(`no ${name}`);
        await ctx.files.write(`${name}.txt`, `${place}`);
        return { text: `${name}${place}` };
      }),
      implementStep(join, (_, { texts }) => (texts as { text: string }[]).map(({ text }) => text).join(' ')),
    ];
    this.job = openTestJob({ steps: steps as never });
  }

  recorded(): readonly string[] {
    return chainOf(this.job.workspace, this.job.jobId).flatMap((record) =>
      record.kind === 'step' ? [record.stepId] : [],
    );
  }
}

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

  test(`within the ${within}: an item that fails is tried again, and those that are done are not`, async () => {
    tested.fails = 'b';
    const question = await questionFrom(tested.job.runPlan(planOf({ within })));
    assert.match(question.findings[0]!.found.text, /no b/);
    tested.fails = undefined;
    await tested.decide(question, { answer: 'rerun' });
    assert.equal((await tested.job.runPlan(planOf({ within }))).outputs['join'], 'a0 b1 c2');
    assert.equal(tested.ran.filter((one) => one.endsWith(' a')).length, within === 'workflow' ? 1 : 2);
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

test('what is no list, or too long a one, is put to a person by the name of the step', async () => {
  const plan = planOf({ items: '${{ steps.list.output }}' });
  const refused = await tested.job.runPlan(plan).catch((error: unknown) => (error as Error).message);
  assert.match(String(refused), /Step "each" cannot be given its input: forEach.items is no list/);
  assert.equal(existsSync(tested.at('a.txt')), false);
});

test('a plan is checked: what may refer to an item, and what a list of outputs is', () => {
  const problems = (plan: unknown): string =>
    JSON.stringify(
      (validatePlan(plan, { knownSteps: [list, write, join] as never }) as { problems?: unknown }).problems,
    );
  assert.equal(problems(planOf({})), undefined);
  assert.match(problems(planOf({ atOnce: 0 })), /atOnce/);
  assert.match(problems(planOf({ within: 'both' })), /within/);
  const outside = planOf({}) as { steps: { with?: unknown; forEach?: unknown }[] };
  outside.steps[2]!.with = { texts: '${{ item }}' };
  assert.match(problems(outside), /item can be used in with, of a step with forEach/);
  const member = planOf({}) as { steps: { with?: unknown }[] };
  member.steps[2]!.with = { texts: '${{ steps.each.output.text }}' };
  assert.match(problems(member), /to be an object/);
});
