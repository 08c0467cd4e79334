/** Conditions, rounds and automatic resumes of a plan on the real protocol, without a server. */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import * as z from 'zod';
import { HoldfastError } from '../../src/model/failure.ts';
import type { StepRecord } from '../../src/model/record/record.ts';
import { defineStep, implementStep, openTestJob } from '../../src/testing.ts';
import { chainOf } from '../support/ledger.ts';
import { comparedQuestion, questionFrom } from '../support/questions.ts';
import { forEachTest, TestedJob } from '../support/tested-job.ts';

const look = defineStep({ name: 'look', input: z.object({}), output: z.object({ kind: z.string() }) });
const draft = defineStep({
  name: 'draft',
  input: z.object({ round: z.int() }),
  output: z.object({ score: z.number() }),
});
const work = defineStep({ name: 'work', input: z.object({}), output: z.object({ done: z.literal(true) }) });

class FlowJob extends TestedJob {
  ran: string[] = [];
  /** What each further run of `work` fails with. */
  failures: Error[] = [];
  /** In which round the score is good. */
  goodIn = 3;

  override begin(): void {
    this.ran = [];
    this.failures = [];
    this.goodIn = 3;
    this.job = openTestJob({
      steps: [
        implementStep(look, async (ctx) => {
          this.ran.push(ctx.stepId);
          const kind = await ctx.files.readText('kind.txt');
          return { kind };
        }),
        implementStep(draft, async (ctx, { round }) => {
          this.ran.push(ctx.stepId);
          await ctx.files.write(`draft-${round}.txt`, ctx.stepId);
          return { score: round >= this.goodIn ? 8 : 1 };
        }),
        implementStep(work, async (ctx) => {
          this.ran.push(ctx.stepId);
          const failure = this.failures.shift();
          if (failure !== undefined) throw failure;
          await ctx.files.write('work.txt', 'done');
          return { done: true as const };
        }),
      ] as never,
    });
  }

  records(): readonly StepRecord[] {
    return chainOf(this.job.workspace, this.job.jobId).flatMap((record) => (record.kind === 'step' ? [record] : []));
  }

  has(place: string): boolean {
    return existsSync(this.at(place));
  }
}

const tested = forEachTest(new FlowJob());

const planWith = (...steps: readonly Record<string, unknown>[]): unknown => ({
  schemaVersion: 1,
  name: 'flow',
  workspace: '.',
  steps,
});

const CHOICE = planWith(
  { id: 'look', use: 'look' },
  {
    id: 'write',
    use: 'file.write',
    when: { eq: ['${{ steps.look.output.kind }}', 'refund'] },
    with: { path: 'refund.txt', content: 'paid' },
  },
  { id: 'after', use: 'file.write', with: { path: 'after.txt', content: 'x' }, needs: ['write'] },
);

test('what was skipped is in the record with the reason, and is not run by a resume', async () => {
  const { job } = tested;
  writeFileSync(tested.at('kind.txt'), 'question');
  const { outputs, skipped } = await job.runPlan(CHOICE);
  assert.deepEqual(skipped, ['write', 'after']);
  assert.deepEqual(outputs, { look: { kind: 'question' }, write: null, after: null });
  assert.deepEqual(
    tested.records().map(({ stepId, step, output }) => [stepId, step, output]),
    [
      ['look', 'look', { kind: 'question' }],
      ['write', 'holdfast.skip', { why: 'when: ${{ steps.look.output.kind }} ("question") is not equal to "refund"' }],
      ['after', 'holdfast.skip', { why: 'it needs write, which was skipped' }],
    ],
  );
  await job.runPlan(CHOICE);
  assert.equal(tested.records().length, 3, 'the record answers');
});

test('a decision that runs the source again has the condition looked at again; what ran before is undone', async () => {
  const { job } = tested;
  writeFileSync(tested.at('kind.txt'), 'refund');
  assert.equal((await job.runPlan(CHOICE)).skipped, undefined);
  assert.equal(tested.text('refund.txt'), 'paid');
  writeFileSync(tested.at('kind.txt'), 'question');
  await tested.decide(await comparedQuestion(job), { answer: 'rerun' });
  assert.equal(tested.has('refund.txt'), false, 'undone by the decision');
  assert.deepEqual((await job.runPlan(CHOICE)).skipped, ['write', 'after']);
  assert.equal(tested.has('refund.txt'), false);
  assert.equal(tested.has('after.txt'), false);
  writeFileSync(tested.at('kind.txt'), 'refund');
  await tested.decide(await comparedQuestion(job), { answer: 'rerun' });
  assert.equal((await job.runPlan(CHOICE)).skipped, undefined);
  assert.equal(tested.text('refund.txt'), 'paid', 'and the other way round');
});

const ROUNDS = planWith(
  {
    id: 'draft',
    use: 'draft',
    with: { round: '${{ round }}' },
    until: { ge: ['${{ output.score }}', 8] },
    maxRounds: 4,
  },
  { id: 'last', use: 'file.write', with: { path: 'score.txt', content: 'score ${{ steps.draft.output.score }}' } },
);

test('each round is a step of its own; one that was changed runs again, and those after it are undone', async () => {
  const { job } = tested;
  await job.runPlan(ROUNDS);
  assert.deepEqual(tested.ran, ['draft#1', 'draft#2', 'draft#3']);
  assert.deepEqual(
    tested.records().map(({ stepId, uses }) => [stepId, uses]),
    [
      ['draft#1', []],
      ['draft#2', ['draft#1']],
      ['draft#3', ['draft#2']],
      ['last', ['draft#']],
    ],
  );
  writeFileSync(tested.at('draft-2.txt'), 'mine');
  tested.goodIn = 2;
  const question = await comparedQuestion(job);
  assert.deepEqual(question.findings[0]?.rerunSteps, ['draft#2', 'draft#3', 'last']);
  await tested.decide(question, { answer: 'rerun' });
  await job.runPlan(ROUNDS);
  assert.deepEqual(tested.ran, ['draft#1', 'draft#2', 'draft#3', 'draft#2'], 'the second round is good enough now');
  assert.equal(tested.has('draft-3.txt'), false, 'what the third had done is undone');
  assert.equal(tested.text('draft-2.txt'), 'draft#2');
  assert.equal(tested.text('score.txt'), 'score 8');
});

const RESUMING = (more: Record<string, unknown> = {}): unknown =>
  planWith({ id: 'work', use: 'work', resume: { atMost: 2, afterSeconds: 0 }, ...more });

test('a step that failed for good resumes by itself; its record has each failure', async () => {
  tested.failures = [new HoldfastError('bad-output', 'no answer'), new HoldfastError('bad-output', 'half an answer')];
  await tested.job.runPlan(RESUMING());
  assert.equal(tested.ran.length, 3);
  const [record] = tested.records();
  assert.deepEqual(
    record?.resumed?.map(({ type, message }) => [type, message]),
    [
      ['bad-output', 'no answer'],
      ['bad-output', 'half an answer'],
    ],
  );
  assert.equal(tested.text('work.txt'), 'done');
});

test('each resume has all attempts anew; behind the last one a person is asked, and told every failure', async () => {
  tested.failures = Array.from({ length: 20 }, (_, index) => new Error(`no ${index}`));
  const question = await questionFrom(tested.job.runPlan(RESUMING()));
  assert.equal(tested.ran.length, 9, 'three attempts, and three for each of two resumes');
  const [finding] = question.findings;
  assert.match(finding?.found.text ?? '', /no 8/);
  assert.match(finding?.advice ?? '', /resumed by itself 2 times after .*no 2; .*no 5\./);
  await tested.decide(question, { answer: 'rerun' });
  await questionFrom(tested.job.runPlan(RESUMING()));
  assert.equal(tested.ran.length, 18, 'who decides `rerun` gives it its resumes anew');
});

test('how often a step has resumed is kept in the ledger, not in whoever asks for it', async () => {
  tested.failures = Array.from({ length: 20 }, (_, index) => new HoldfastError('bad-output', `no ${index}`));
  const request = { stepId: 'work', step: 'work', input: {}, resumeAtMost: 2 };
  await tested.job.verify();
  const kinds: string[] = [];
  for (let time = 0; time < 4; time++) {
    const result = await tested.job.ask(request);
    kinds.push(result.kind === 'resumes' ? `resume ${result.number} of ${result.atMost}` : result.kind);
  }
  assert.deepEqual(kinds, ['resume 1 of 2', 'resume 2 of 2', 'question', 'question']);
});

test('what only a person can mend does not resume, and onFailure says what follows the last resume', async () => {
  tested.failures = [new HoldfastError('permission-denied', 'no entry')];
  await questionFrom(tested.job.runPlan(RESUMING()));
  assert.equal(tested.ran.length, 1);
  const other = openTestJob({
    steps: [implementStep(work, () => Promise.reject(new HoldfastError('bad-output', 'never')))] as never,
  });
  try {
    await assert.rejects(other.runPlan(RESUMING({ onFailure: 'fail' })), /never/);
  } finally {
    await other.close();
  }
});
