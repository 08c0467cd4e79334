/** Conditions of a plan: what holds, what is skipped, what runs in rounds, and what `check` says of bad ones. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../../src/model/canonical-json.ts';
import { isFailure, type HoldfastError } from '../../src/model/failure.ts';
import { validatePlan } from '../../src/model/plan/check/check.ts';
import { jobDetails } from '../../src/client/static-details.ts';
import { ConditionSchema, type Condition } from '../../src/model/plan/condition.ts';
import { holds, whyNot } from '../../src/model/plan/reference/condition.ts';
import type { PlanProgress } from '../../src/model/plan/run/progress.ts';
import { runPlan } from '../../src/model/plan/run/run.ts';
import { NotedJob, planOf } from '../support/noted-job.ts';

const SCOPE = {
  input: { kind: 'refund', amount: 12, urgent: true, none: null, tags: ['a', 'b'] },
  steps: new Map<string, Json>(),
  skipped: new Set(['gone']),
};

function decides(condition: Json): boolean {
  return holds(ConditionSchema.parse(condition), SCOPE);
}

test('a condition compares values without converting any', () => {
  const kind = '${{ input.kind }}';
  const amount = '${{ input.amount }}';
  assert.equal(decides({ eq: [kind, 'refund'] }), true);
  assert.equal(decides({ ne: [kind, 'refund'] }), false);
  assert.equal(decides({ eq: [amount, '12'] }), false, 'text is no number');
  assert.equal(decides({ eq: ['${{ input.tags }}', ['a', 'b']] }), true, 'lists are compared whole');
  assert.deepEqual(
    ['gt', 'ge', 'lt', 'le'].map((operator) => decides({ [operator]: [amount, 12] })),
    [false, true, false, true],
  );
  assert.equal(decides({ lt: [kind, 'sale'] }), true, 'two texts have an order');
  assert.equal(decides({ in: ['b', '${{ input.tags }}'] }), true);
  assert.equal(decides({ in: [kind, ['sale']] }), false);
  assert.equal(decides('${{ input.urgent }}'), true);
  assert.equal(decides({ not: '${{ input.urgent }}' }), false);
  assert.equal(decides({ exists: '${{ input.amount }}' }), true);
  assert.equal(decides({ exists: '${{ input.none }}' }), false);
  assert.equal(decides({ exists: '${{ input.other.deep }}' }), false);
  assert.equal(decides({ exists: '${{ steps.gone.output.rows[0] }}' }), false, 'a skipped step has returned nothing');
});

test('`and` and `or` stop where it is decided, so that `exists` can go before', () => {
  const other = { gt: ['${{ input.other }}', 1] };
  assert.equal(decides({ and: [{ exists: '${{ input.other }}' }, other] }), false);
  assert.equal(decides({ or: ['${{ input.urgent }}', other] }), true);
  assert.throws(() => decides({ or: [other, '${{ input.urgent }}'] }), /has no value/);
});

test('what has no order, and what is neither true nor false, is an error that says what was found', () => {
  const says = (condition: Json, words: RegExp): void =>
    assert.throws(
      () => decides(condition),
      (error: unknown) => isFailure(error, 'bad-input') && words.test(error.message),
    );
  says({ gt: ['${{ input.amount }}', '3'] }, /two numbers, or two texts.*the number 12 and the string "3"/);
  says({ in: ['a', '${{ input.kind }}'] }, /needs a list, and found the string "refund"/);
  says('${{ input.kind }}', /\$\{\{ input.kind \}\} is the string "refund", neither true nor false/);
});

test('what a reference yields is compared, and never read as a condition or a reference', () => {
  const scope = { input: { text: '${{ input.secret }}', secret: 'x' } };
  assert.equal(holds({ eq: ['${{ input.text }}', 'x'] }, scope), false);
  assert.equal(holds({ eq: ['${{ input.text }}', '$${{ input.secret }}'] }, scope), true);
});

test('why a condition does not hold names the part that decides, with its values', () => {
  const why = (condition: Condition): string => whyNot(condition, SCOPE);
  assert.equal(why({ eq: ['${{ input.kind }}', 'sale'] }), '${{ input.kind }} ("refund") is not equal to "sale"');
  assert.equal(
    why({ and: ['${{ input.urgent }}', { gt: ['${{ input.amount }}', 20] }] }),
    '${{ input.amount }} (12) is not greater than 20',
  );
  assert.equal(why({ not: '${{ input.urgent }}' }), '${{ input.urgent }} holds');
});

const TRIAGE = { id: 'triage', with: {} };
const REFUND = { id: 'refund', when: { eq: ['${{ steps.triage.output.kind }}', 'refund'] } };

function returning(outputs: Record<string, Json>): NotedJob {
  return new NotedJob(({ id, use, input }) => ({ output: use === 'holdfast.skip' ? input : (outputs[id] ?? null) }));
}

test('a step whose `when` does not hold is skipped, and what needs it, too; the record says why', async () => {
  const plan = planOf(
    [
      TRIAGE,
      { ...REFUND, state: { done: '${{ output }}' } },
      { id: 'mail', needs: ['refund'] },
      { id: 'total', with: { refund: '${{ steps.refund.output.amount }}' }, onSkipped: 'run' },
      { id: 'other', with: '${{ state.done }}', needs: ['triage'] },
    ],
    { done: { initial: 'nothing' } },
  );
  const job = returning({ triage: { kind: 'question' }, total: 3 });
  const result = await runPlan(plan, {}, job);
  assert.deepEqual(result.skipped, ['refund', 'mail']);
  assert.deepEqual(result.outputs, { triage: { kind: 'question' }, refund: null, mail: null, total: 3, other: null });
  assert.deepEqual(result.state, { done: 'nothing' }, 'a skipped step writes no state');
  const asked = new Map(job.requests.map((request) => [request.id, request]));
  assert.deepEqual(
    { use: asked.get('refund')!.use, input: asked.get('refund')!.input, uses: asked.get('refund')!.uses },
    {
      use: 'holdfast.skip',
      input: { why: 'when: ${{ steps.triage.output.kind }} ("question") is not equal to "refund"' },
      uses: ['triage'],
    },
  );
  assert.deepEqual(asked.get('mail')!.input, { why: 'it needs refund, which was skipped' });
  assert.deepEqual(asked.get('total')!.input, { refund: null }, 'the output of a skipped step is null');
  assert.deepEqual(asked.get('other')!.input, 'nothing', 'state flows on without what was skipped');
  const holding = returning({ triage: { kind: 'refund' }, refund: { amount: 2 } });
  assert.equal((await runPlan(plan, {}, holding)).skipped, undefined);
  assert.ok(holding.requests.every(({ use }) => use === 'work'));
});

test('the null of a skipped step cannot stand in longer text: that is a question which says so', async () => {
  const plan = planOf([TRIAGE, REFUND, { id: 'mail', with: 'It is ${{ steps.refund.output }}', onSkipped: 'run' }]);
  await assert.rejects(
    runPlan(plan, {}, returning({ triage: { kind: 'x' } })),
    (error: unknown) => isFailure(error, 'bad-input') && /Step "refund" was skipped/.test(error.message),
  );
});

test('a condition is looked at again when what it looks at runs again, both ways', async () => {
  const plan = planOf([TRIAGE, REFUND, { id: 'last', needs: ['triage'] }]);
  let kind = 'question';
  let again = true;
  const job: NotedJob = new NotedJob(({ id }) => {
    if (id === 'last' && again) {
      again = false;
      kind = 'refund';
      job.toRewind.push('triage', 'refund', 'last');
    }
    return { output: id === 'triage' ? { kind } : {} };
  });
  const result = await runPlan(plan, {}, job);
  assert.equal(result.skipped, undefined);
  assert.deepEqual(
    job.requests.filter(({ id }) => id === 'refund').map(({ use }) => use),
    ['holdfast.skip', 'work'],
  );
});

const ROUNDS = {
  id: 'draft',
  with: { round: '${{ round }}', before: '${{ previous.text }}', all: '${{ state.all }}' },
  until: { ge: ['${{ output.score }}', 8] },
  maxRounds: 4,
  state: { all: '${{ output.text }}' },
};

test('rounds run one after the other until the condition holds, each with what the ones before it made', async () => {
  const plan = planOf([ROUNDS, { id: 'use', with: '${{ steps.draft.output.text }}' }], { all: { reducer: 'append' } });
  const job = new NotedJob(({ id }) => ({
    output: { text: `text of ${id}`, score: id === 'draft#2' ? 9 : 5 },
  }));
  const result = await runPlan(plan, {}, job);
  assert.deepEqual(
    job.requests.map(({ id, input, uses }) => ({ id, input, uses })),
    [
      { id: 'draft#1', input: { round: 1, before: null, all: [] }, uses: [] },
      { id: 'draft#2', input: { round: 2, before: 'text of draft#1', all: ['text of draft#1'] }, uses: ['draft#1'] },
      { id: 'use', input: 'text of draft#2', uses: ['draft#'] },
    ],
  );
  assert.deepEqual(result.state, { all: ['text of draft#1', 'text of draft#2'] });
  assert.deepEqual(result.outputs['draft'], { text: 'text of draft#2', score: 9 });
});

test('at the bound a person is asked, and told what does not hold; with onFailure fail the job fails', async () => {
  const asked: string[] = [];
  const job: NotedJob = new NotedJob(() => ({ output: { text: '', score: asked.length === 0 ? 1 : 8 } }));
  const withStuck = Object.assign(job, {
    stuck: (stepId: string, failure: HoldfastError): Promise<void> => {
      asked.push(`${stepId} ${failure.type}: ${failure.message}`);
      job.toRewind.push('draft#1', 'draft#2', 'draft#3', 'draft#4');
      return Promise.resolve();
    },
  });
  const plan = planOf([ROUNDS], { all: { reducer: 'append' } });
  await runPlan(plan, {}, withStuck);
  assert.deepEqual(asked, [
    'draft rounds-used-up: Step "draft" has run 4 rounds, as many as its plan allows, and `until` does not hold: ' +
      '${{ output.score }} (1) is not at least 8.',
  ]);
  assert.deepEqual(job.ran, ['draft#1', 'draft#2', 'draft#3', 'draft#4', 'draft#1']);
  const failing = planOf([{ ...ROUNDS, onFailure: 'fail' }], { all: { reducer: 'append' } });
  await assert.rejects(
    runPlan(failing, {}, new NotedJob(() => ({ output: { text: '', score: 1 } }))),
    (error: unknown) => isFailure(error, 'rounds-used-up'),
  );
});

test('a round that is void makes those after it void, and not those before', async () => {
  let again = true;
  const job: NotedJob = new NotedJob(({ id }) => {
    const version = again ? 'old' : 'new';
    if (id === 'after' && again) {
      again = false;
      job.toRewind.push('draft#2', 'draft#3', 'after');
    }
    return { output: { text: `${id} ${version}`, score: id === 'draft#3' ? 8 : 1 } };
  });
  const plan = planOf([ROUNDS, { id: 'after', needs: ['draft'] }], { all: { reducer: 'append' } });
  const result = await runPlan(plan, {}, job);
  assert.deepEqual(job.ran, ['draft#1', 'draft#2', 'draft#3', 'after', 'draft#2', 'draft#3', 'after']);
  assert.deepEqual(result.state, { all: ['draft#1 old', 'draft#2 new', 'draft#3 new'] });
});

test('a new Run goes on in the middle of the rounds, and behind what was skipped', async () => {
  const plan = planOf([TRIAGE, REFUND, { ...ROUNDS, needs: ['refund'], onSkipped: 'run' }], {
    all: { reducer: 'append' },
  });
  const work = ({ id, input }: { readonly id: string; readonly input: Json }): { output: Json } => {
    if (id === 'triage') return { output: { kind: 'x' } };
    return { output: id.startsWith('draft') ? { text: id, score: id === 'draft#3' ? 8 : 1 } : input };
  };
  const whole = new NotedJob(work);
  const expected = await runPlan(plan, {}, whole);
  const first: NotedJob = new NotedJob(work);
  let carried: PlanProgress | undefined;
  const pausing = Object.assign(first, {
    isPausing: () => first.ran.includes('draft#2'),
    onSuperStepEnd: ({ progress, ran }: { readonly progress: PlanProgress; readonly ran: readonly string[] }) => {
      if (!ran.includes('draft')) return;
      carried = JSON.parse(JSON.stringify(progress)) as PlanProgress;
      throw new Error('continue as new');
    },
  });
  await assert.rejects(runPlan(plan, {}, pausing), /continue as new/);
  const rest = new NotedJob(work);
  assert.deepEqual(await runPlan(plan, {}, rest, carried), expected);
  assert.deepEqual(rest.ran, ['draft#3']);
});

test('check names what is wrong with a condition, where, and what to write', () => {
  const problems = (...steps: readonly Record<string, Json>[]): readonly string[] => {
    const checked = validatePlan({
      schemaVersion: 1,
      name: 'x',
      workspace: 'w',
      input: {
        type: 'object',
        properties: { amount: { type: 'integer', default: 1 }, kind: { type: 'string', default: '' } },
      },
      state: { list: { reducer: 'append' } },
      steps: steps.map((step) => ({ id: 'a', use: 'work', ...step })),
    });
    if (checked.ok) return [];
    return checked.problems.map(({ path, message, expected, found, hint }) =>
      [`${path}: ${message}`, expected, found, hint].filter((part) => part !== undefined).join(' | '),
    );
  };
  const amount = '${{ input.amount }}';
  assert.deepEqual(problems({ when: { eq: [amount, 3] } }), []);
  assert.match(
    problems({ when: { eq: [amount, 3], ne: [amount, 4] } })[0]!,
    /^steps\[0\].when: must say one thing \| one of eq, ne/,
  );
  assert.match(
    problems({ when: { equals: [amount, 3] } })[0]!,
    /^steps\[0\].when.equals: unknown field "equals" \| one of eq/,
  );
  assert.match(problems({ when: { eq: [amount] } })[0]!, /^steps\[0\].when.eq: is out of range \| at least 2 items/);
  assert.match(problems({ when: { eq: ['input.amount', 3] } })[0]!, /holds no reference.*\$\{\{ input.amount \}\}/);
  assert.match(problems({ when: 'input.kind == x' })[0]!, /holds no reference.*one reference to true or false.*\{ eq:/);
  assert.match(problems({ when: '${{ input.amount }}' })[0]!, /neither true nor false \| type boolean \| type number/);
  assert.match(problems({ when: '${{ input.amount == 3 }}' })[0]!, /no operators or calls.*when: \{ eq: \[A, B\] \}/);
  assert.match(
    problems({ when: { eq: [amount, '3'] } })[0]!,
    /when.eq: compares what is never the same.*type number and type string/,
  );
  assert.match(problems({ when: { gt: ['${{ input.kind }}', 3] } })[0]!, /when.gt: compares what has no order/);
  assert.match(problems({ when: { in: [amount, 3] } })[0]!, /when.in\[1\]: is no list/);
  assert.match(problems({ when: { and: [{ exists: 'x' }] } })[0]!, /when.and\[0\].exists: holds no reference/);
  assert.match(
    problems({ when: { eq: ['${{ output.x }}', 3] } })[0]!,
    /cannot be used here.*in a step's own state and until/,
  );
  assert.match(
    problems({ when: { eq: ['${{ input.amout }}', 3] } })[0]!,
    /unknown member of input "amout".*did you mean "amount"/,
  );
  assert.match(problems({ when: { eq: ['${{ steps.b.output }}', 3] } })[0]!, /unknown step id "b"/);
  assert.match(problems({ until: { eq: ['${{ output }}', 3] } })[0]!, /until: has no bound.*maxRounds/);
  assert.match(problems({ maxRounds: 3 })[0]!, /maxRounds: means nothing without `until`/);
  assert.match(problems({ with: '${{ round }}' })[0]!, /cannot be used here.*of a step with until/);
  assert.match(
    problems({ until: { exists: '${{ output }}' }, maxRounds: 2, forEach: { items: [1] } })[0]!,
    /either `forEach` or `until`/,
  );
  assert.match(problems({ onSkipped: 'run' })[0]!, /onSkipped: means nothing/);
  assert.match(problems({ when: { eq: ['${{ steps.a.output }}', 3] } })[0]!, /waits for itself/);
});

test('what is shown of a job from its start on tells which steps have a condition, and which have rounds', () => {
  const plan = planOf([TRIAGE, REFUND, { ...ROUNDS, approval: 'before-apply' }], { all: { reducer: 'append' } });
  const { staticDetails } = jobDetails(plan, {}, 'w');
  assert.match(staticDetails, /1\. triage \(work\)\n1\. refund \(work\), where its condition holds\n/);
  assert.match(staticDetails, /\n1\. draft \(work\), in at most 4 rounds, after an approval\n/);
});
