/** What comes too late from the command line is refused with the reason, and changes nothing. cli.test.ts runs it. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import type { Question } from '../../src/model/question/question.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { fingerprint, holdfast, openQuestion, root, taskQueue, temporal } from '../support/cli-jobs.ts';
import type { Ran } from '../support/cli-terminal.ts';
import { untilTrue } from '../support/until.ts';

const LATE = `schemaVersion: 1
name: late
workspace: unused
steps:
  - { id: a, use: file.write, approval: before-apply, with: { path: a.txt, content: A } }
  - { id: b, use: file.write, approval: before-apply, needs: [a], with: { path: b.txt, content: B } }
`;
const BESIDE = LATE.replace(' needs: [a],', '');
const WHY = ['--reason', 'late'] as const;

before(() => {
  writeFileSync(join(root, 'late.yaml'), LATE);
  writeFileSync(join(root, 'beside.yaml'), BESIDE);
});

interface Asking {
  readonly job: string;
  readonly workspace: string;
  readonly question: Question;
}

async function asking(plan = 'late.yaml'): Promise<Asking> {
  const job = temporal.unique('late');
  mkdirSync(join(root, job));
  const ran = await holdfast(['start', plan, '--id', job, '--workspace', job, '-q', taskQueue]);
  assert.equal(ran.code, 0, ran.err);
  return { job, workspace: join(root, job), question: await openQuestion(job) };
}

function refused(ran: Ran, message: RegExp, next: RegExp): void {
  assert.deepEqual([ran.code, ran.out], [2, ''], ran.err);
  assert.match(ran.err, message);
  assert.match(ran.err, next);
}

/** What a person may still type at a question that they have on the screen. */
const MESSAGES: readonly (readonly [what: string, args: (digest: string) => readonly string[]])[] = [
  ['an answer', () => ['approve', ...WHY]],
  ['an answer to that question', (digest) => ['approve', '--question', digest, ...WHY]],
  ['an answer by Signal', (digest) => ['approve', '--question', digest, '--signal', ...WHY]],
  ['an abort', () => ['abort', ...WHY]],
  ['an abort that undoes', () => ['abort', '--compensate', ...WHY]],
  ['a dry run', (digest) => ['approve', '--question', digest, '--dry-run']],
  ['an answer for one finding', () => ['--item', 'file:b.txt=approve', ...WHY]],
  ['no answer yet', () => []],
];

const ENDS: Readonly<Record<string, (asked: Asking) => Promise<unknown>>> = {
  completed: async ({ job }) => {
    for (const _ of ['a', 'b']) {
      await openQuestion(job);
      await holdfast(['decide', job, 'approve', ...WHY]);
    }
    await holdfast(['result', job, '--wait']);
  },
  aborted: async ({ job }) => {
    await holdfast(['decide', job, 'abort', ...WHY]);
    await holdfast(['result', job, '--wait']);
  },
  cancelled: ({ job }) => holdfast(['cancel', job, '--wait']),
  terminated: ({ job }) => temporal.client.workflow.getHandle(job).terminate(),
};

// Each has a job of its own; what is sent to one is sent in turn.
describe('what comes after the end of a job', { concurrency: true }, () => {
  for (const [end, reach] of Object.entries(ENDS))
    describe(`a job that was ${end}`, { concurrency: false }, () => {
      let asked: Asking;
      let before_: Readonly<Record<string, string>>;
      before(async () => {
        asked = await asking();
        await reach(asked);
        before_ = fingerprint(asked.workspace);
      });
      for (const [what, args] of end === 'completed' || end === 'terminated' ? MESSAGES : MESSAGES.slice(1, 3))
        test(`${what} comes too late, is refused with the end of the job, and changes nothing`, async () => {
          const { job, question } = asked;
          const ran = await holdfast(['decide', job, ...args(question.digest)]);
          refused(ran, new RegExp(`Job ${job} has ended`), new RegExp(`Next: See its end: holdfast result ${job}\n`));
          assert.deepEqual(fingerprint(asked.workspace), before_);
        });
      test('a cancellation says that it came too late, and nothing is asked any more', async () => {
        for (const more of [[], ['--compensate', ...WHY]]) {
          const ran = await holdfast(['cancel', asked.job, ...more]);
          assert.deepEqual([ran.code, ran.out], [0, `Job ${asked.job} had ended already; nothing was done.\n`]);
        }
        const nothing = await holdfast(['question', asked.job]);
        assert.deepEqual([nothing.code, nothing.out], [0, `Job ${asked.job} asks nothing.\n`]);
        assert.deepEqual(fingerprint(asked.workspace), before_);
      });
    });
});

test('an answer to a question that was answered already is refused while the job asks the next one', async () => {
  const { job, question } = await asking();
  assert.equal((await holdfast(['decide', job, 'approve', ...WHY])).code, 0);
  const next = await openQuestion(job);
  const ran = await holdfast(['decide', job, 'approve', '--question', question.digest, ...WHY]);
  refused(ran, /No open question of job .* begins with [0-9a-f]+; open: [0-9a-f]{12} \(approval of step b\)/, /Next: /);
  assert.equal((await openQuestion(job)).digest, next.digest);
  await holdfast(['cancel', job, '--wait']);
});

/** The next repair begins, and waits until it may go on. */
function holdRepair(): Record<'begun' | 'goOn', PromiseWithResolvers<void>> {
  const begun = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  setFaultHook(async (point) => {
    if (point !== 'repair.item-before') return;
    begun.resolve();
    await goOn.promise;
  });
  return { begun, goOn };
}

test('of two answers that are sent at once the second is not used, and says why', { timeout: 30_000 }, async () => {
  const { job, question } = await asking();
  const { begun, goOn } = holdRepair();
  const first = holdfast(['decide', job, 'approve', ...WHY]);
  await begun.promise;
  const second = holdfast(['decide', job, 'reject', ...WHY, '--question', question.digest]);
  const { client } = temporal;
  await untilTrue(async () => {
    const { events } = await client.workflow.getHandle(job).fetchHistory();
    return events!.filter((event) => event.workflowExecutionUpdateAcceptedEventAttributes).length === 2;
  });
  setFaultHook(undefined);
  goOn.resolve();
  assert.equal((await first).code, 0);
  const ran = await second;
  assert.equal(ran.code, 2);
  assert.match(
    ran.out,
    /^Not used: .* did nothing\. See what is asked now: .*\n {2}question [0-9a-f]+ was answered meanwhile\n$/,
  );
  await holdfast(['cancel', job, '--wait']);
});

test('an answer that waits for its turn when the job is cancelled is refused', { timeout: 30_000 }, async () => {
  const { job } = await asking('beside.yaml');
  const { questions } = (await holdfast(['question', job, '--json'])).json<{ questions: Question[] }>();
  const { begun, goOn } = holdRepair();
  const [first, second] = questions.map(({ digest }) =>
    holdfast(['decide', job, 'approve', '--question', digest, ...WHY]),
  );
  await begun.promise;
  await untilTrue(async () => {
    const { events } = await temporal.client.workflow.getHandle(job).fetchHistory();
    return events!.filter((event) => event.workflowExecutionUpdateAcceptedEventAttributes).length === 2;
  });
  await holdfast(['cancel', job]);
  setFaultHook(undefined);
  goOn.resolve();
  const [carriedOut, late] = [await first!, await second!].sort((a, b) => a.code - b.code);
  assert.deepEqual([carriedOut?.code, late?.code], [0, 2], `${late?.out}${late?.err}`);
  assert.match(late!.out, /^Not used: [\s\S]*\n {2}the job is ending already\n$/);
  assert.equal((await holdfast(['result', job, '--wait'])).code, 1);
});

test('an answer to a job that has ended before a worker took it is refused', async () => {
  const job = temporal.unique('late');
  await holdfast(['start', 'late.yaml', '--id', job, '--workspace', job, '-q', temporal.unique('unpolled')]);
  await temporal.client.workflow.getHandle(job).terminate();
  const ran = await holdfast(['decide', job, 'approve', ...WHY]);
  refused(ran, /has ended before a worker took it/, /Next: See its end: holdfast result/);
  assert.equal((await holdfast(['status', job])).code, 2);
});
