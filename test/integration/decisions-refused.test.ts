/**
 * A decision that can't be used does nothing and is refused visibly; one whose world has moved leads to a new
 * question.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ApplicationFailure } from '@temporalio/common';
import { WorkflowUpdateFailedError, type WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { fileWriteStep } from '../../src/model/step/built-in/file.ts';
import type { Question } from '../../src/model/question/question.ts';
import { HoldfastError } from '../../src/model/failure.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { openTestJob, QuestionAsked, type TestJob } from '../../src/testing.ts';
import { agentJob } from '../../src/workflows/agent-job.ts';
import type { DecideAnswer } from '../../src/workflows/messages.ts';
import { statusOf } from '../support/job-status.ts';
import { readLedger } from '../support/ledger.ts';
import { testWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-refused-'));

testWorker(temporal, { taskQueue, root });

after(() => rmSync(root, { recursive: true, force: true }));

type Handle = WorkflowHandleWithFirstExecutionRunId<typeof agentJob>;

/** A job that waits for a decision about two edited files. */
async function waitingJob(
  name: string,
): Promise<{ readonly handle: Handle; readonly question: Question; readonly file: (place: string) => string }> {
  const plan = {
    schemaVersion: 1,
    name,
    workspace: name,
    verifyAfterMinutes: 0.0001,
    steps: [
      { id: 'a', use: 'file.write', with: { path: 'a.txt', content: 'A' } },
      { id: 'b', use: 'file.write', with: { path: 'b.txt', content: 'B' } },
      { id: 'pause', use: 'wait', with: { seconds: 2 }, needs: ['a', 'b'] },
      { id: 'c', use: 'file.write', with: { path: 'c.txt', content: 'C' }, needs: ['pause'] },
    ],
  };
  const handle = await temporal.client.workflow.start(agentJob, {
    workflowId: temporal.unique('job'),
    taskQueue,
    args: [{ plan }],
  });
  await until(
    () => statusOf(handle),
    ({ steps }) => steps.filter(({ state }) => state === 'done').length === 2,
  );
  const file = (place: string): string => join(root, name, place);
  writeFileSync(file('a.txt'), 'edited A');
  writeFileSync(file('b.txt'), 'edited B');
  const { questions } = await until(
    () => statusOf(handle),
    (status) => status.questions.length > 0 && status.questions[0]!.findings.length === 2,
  );
  return { handle, question: questions[0]!, file };
}

test('each unusable decision is refused with its reason, by Signal and by Update, and nothing is done', async () => {
  const { handle, question, file } = await waitingJob('refusals');
  const by = { by: 'reader@example.com', reason: 'test' };
  const good = { digest: question.digest, answer: 'restore', ...by };
  const cases: readonly (readonly [unknown, RegExp])[] = [
    [{ ...good, digest: 'f'.repeat(64) }, /no open question has the digest f{12}; open: [0-9a-f]{12}/],
    [
      { ...good, items: { 'file:other.txt': 'accept' } },
      /items names file:other\.txt, which the question does not; it asks about file:a\.txt, file:b\.txt/,
    ],
    [
      { ...good, answer: 'abort', items: { 'file:a.txt': 'accept' } },
      /abort ends the job; items beside it contradict it/,
    ],
    [{ ...good, items: { 'file:a.txt': 'abort' } }, /abort holds for the whole question/],
    [
      { digest: question.digest, items: { 'file:a.txt': 'accept' }, ...by },
      /file:b\.txt has no answer; offered: accept, restore/,
    ],
    [
      { ...good, compensate: true },
      /compensate undoes what the job did when it is aborted; give it with "answer": "abort"/,
    ],
    [{ ...good, answer: 'approve' }, /approve is not offered for file:a\.txt \(changed\); offered: accept, restore/],
    [{ ...good, answer: 'merge' }, /answer: .*accept/],
    [{ ...good, by: '' }, /by: expected who decides/],
    [{ ...good, extra: true }, /extra/],
    ['restore', /object/],
    [null, /object/],
  ];
  for (const [index, [decision, reason]] of cases.entries()) {
    await handle.signal('decide', decision);
    const { refusals } = await until(
      () => statusOf(handle),
      (status) => status.refusals.length > index,
    );
    assert.match(refusals.at(-1)!.problems.join('; '), reason);
    await assert.rejects(handle.executeUpdate('decide', { args: [decision] }), (error: unknown) => {
      assert.ok(error instanceof WorkflowUpdateFailedError, String(error));
      assert.match(String(error.cause?.message), reason);
      return true;
    });
  }
  await handle.signal('decied', good);
  await until(
    () => statusOf(handle),
    ({ refusals }) =>
      refusals
        .at(-1)!
        .problems.some((problem) =>
          problem.includes(
            'there is no Signal "decied"; those to send are "decide", "abort", "rewind" and "updateState"',
          ),
        ),
  );
  assert.equal((await statusOf(handle)).questions[0]!.digest, question.digest);
  assert.equal(readFileSync(file('a.txt'), 'utf8') + readFileSync(file('b.txt'), 'utf8'), 'edited Aedited B');

  // The same decision twice: the second finds nothing to answer.
  await handle.executeUpdate('decide', { args: [good] });
  await handle.signal('decide', good);
  await handle.result();
  const { refusals } = await statusOf(handle);
  assert.match(refusals.at(-1)!.problems.join(), /none is open|was answered meanwhile/);
  assert.equal(readFileSync(file('a.txt'), 'utf8') + readFileSync(file('b.txt'), 'utf8'), 'AB');
});

test('a decision about a world that has moved since does nothing: there is a new question', async () => {
  const { handle, question, file } = await waitingJob('moved');
  writeFileSync(file('a.txt'), 'edited again');
  await handle.signal('decide', {
    digest: question.digest,
    answer: 'restore',
    by: 'reader@example.com',
    reason: 'test',
  });
  const { questions } = await until(
    () => statusOf(handle),
    (status) => status.questions.length > 0 && status.questions[0]!.digest !== question.digest,
  );
  assert.equal(readFileSync(file('a.txt'), 'utf8') + readFileSync(file('b.txt'), 'utf8'), 'edited againedited B');
  assert.match(questions[0]!.findings[0]!.difference, /edited again/);
  await handle.executeUpdate('decide', {
    args: [
      {
        digest: questions[0]!.digest,
        items: { 'file:a.txt': 'accept', 'file:b.txt': 'restore' },
        by: 'reader@example.com',
        reason: 'test',
      },
    ],
  });
  await handle.result();
  assert.equal(readFileSync(file('a.txt'), 'utf8') + readFileSync(file('b.txt'), 'utf8'), 'edited againB');
});

test('a repair that cannot be carried out is refused; its question stays open until the cause is mended', async () => {
  const { handle, question, file } = await waitingJob('unrepairable');
  const decision = { digest: question.digest, answer: 'restore', by: 'reader@example.com', reason: 'test' };
  setFaultHook((point) => {
    if (point === 'repair.item-before') throw new HoldfastError('permission-denied', 'The disk may not be written.');
  });
  try {
    await handle.signal('decide', decision);
    const { refusals } = await until(
      () => statusOf(handle),
      (status) => status.refusals.length > 0,
    );
    assert.equal(refusals[0]!.question, question.digest);
    assert.match(
      refusals[0]!.problems.join(),
      /^it could not be carried out: The disk may not be written\. Grant the worker access/,
    );
    await assert.rejects(handle.executeUpdate('decide', { args: [decision] }), (error: unknown) => {
      assert.ok(error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure, String(error));
      assert.equal(error.cause.type, 'permission-denied');
      const failed = /The decision for question [0-9a-f]{12} could not be carried out: The disk may not be written\./;
      const next = /The question stays open; when the cause is mended, send the same decision again\./;
      assert.match(error.cause.message, new RegExp(`^${failed.source} .* ${next.source}$`));
      return true;
    });
  } finally {
    setFaultHook(undefined);
  }
  const status = await statusOf(handle);
  assert.deepEqual(
    [status.state, status.questions[0]?.digest, status.refusals.length],
    ['waiting', question.digest, 2],
  );
  const { used } = (await handle.executeUpdate('decide', { args: [decision] })) as DecideAnswer;
  assert.deepEqual(used, { question: question.digest, answer: 'restore' });
  await handle.result();
  assert.equal(readFileSync(file('a.txt'), 'utf8') + readFileSync(file('b.txt'), 'utf8'), 'AB');
});

test('a job that is cancelled while a decision is carried out gives its workspace back', async () => {
  const { handle, question } = await waitingJob('cancelled-in-repair');
  const reached = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  setFaultHook(async (point) => {
    if (point !== 'repair.item-before') return;
    reached.resolve();
    await goOn.promise;
    throw new HoldfastError('busy', 'for the test');
  });
  try {
    await handle.signal('decide', {
      digest: question.digest,
      answer: 'restore',
      by: 'reader@example.com',
      reason: 'test',
    });
    await reached.promise;
    await handle.cancel();
    await until(
      () => statusOf(handle),
      ({ state }) => state === 'ending',
    );
    goOn.resolve();
    await assert.rejects(handle.result());
  } finally {
    goOn.resolve();
    setFaultHook(undefined);
  }
  assert.equal(
    readLedger(join(root, 'cancelled-in-repair'), (ledger) => ledger.boundJobId()),
    undefined,
  );
});

test('a decision while nothing is asked is refused and the job goes on', async () => {
  const plan = {
    schemaVersion: 1,
    name: 'calm',
    workspace: 'calm',
    steps: [{ id: 'a', use: 'wait', with: { seconds: 1 } }],
  };
  const handle = await temporal.client.workflow.start(agentJob, {
    workflowId: temporal.unique('job'),
    taskQueue,
    args: [{ plan }],
  });
  await handle.signal('decide', { digest: 'a'.repeat(64), answer: 'accept', by: 'reader@example.com', reason: 'test' });
  await assert.rejects(
    handle.executeUpdate('decide', {
      args: [{ digest: 'a'.repeat(64), answer: 'accept', by: 'reader@example.com', reason: 'test' }],
    }),
  );
  await handle.result();
  assert.match((await statusOf(handle)).refusals[0]!.problems.join(), /none is open/);
});

test('contradictory answers are refused: a rerun of the step that wrote what another answer accepts', async () => {
  await withJob(async (job) => {
    await job.step(fileWriteStep, { path: 'a.txt', content: 'A' }, { stepId: 'a' });
    await job.step(fileWriteStep, { path: 'b.txt', content: 'B' }, { stepId: 'b' });
    writeFileSync(join(job.workspace, 'a.txt'), 'x');
    writeFileSync(join(job.workspace, 'b.txt'), 'x');
    const question = await asked(job);
    const before = records(job);
    // b depends on a (no `uses` given), so running a again runs b again, which writes b.txt.
    const refused = await job.decide(question, { items: { 'file:a.txt': 'rerun', 'file:b.txt': 'accept' } });
    assert.equal(refused.kind, 'refused');
    assert.match(
      JSON.stringify(refused),
      /accept for file:b\.txt contradicts rerun for file:a\.txt: step b runs again/,
    );
    assert.equal(records(job), before, 'a refusal changes nothing');
  });
});

test('a question is answered once, and by the decision that came first', async () => {
  await withJob(async (job) => {
    await job.step(fileWriteStep, { path: 'a.txt', content: 'A' }, { stepId: 'a' });
    writeFileSync(join(job.workspace, 'a.txt'), 'x');
    const question = await asked(job);
    const first = await job.decide(question, { answer: 'accept' });
    assert.equal(first.kind, 'repaired');
    const before = records(job);
    assert.deepEqual(
      await job.decide(question, { answer: 'accept' }),
      first,
      'delivered again, it answers with what was done',
    );
    const other = await job.decide(question, { answer: 'restore' });
    assert.equal(other.kind, 'refused');
    assert.equal(records(job), before);
    assert.equal(readFileSync(join(job.workspace, 'a.txt'), 'utf8'), 'x');
  });
});

test('the same drift a second time is a second question', async () => {
  await withJob(async (job) => {
    await job.step(fileWriteStep, { path: 'a.txt', content: 'A' }, { stepId: 'a' });
    writeFileSync(join(job.workspace, 'a.txt'), 'x');
    const first = await asked(job);
    await job.decide(first, { answer: 'restore' });
    writeFileSync(join(job.workspace, 'a.txt'), 'x');
    const second = await asked(job);
    assert.notEqual(second.digest, first.digest);
    assert.notEqual(
      (await job.decide(first, { answer: 'accept' })).kind === 'repaired' &&
        readFileSync(join(job.workspace, 'a.txt'), 'utf8') === 'A',
      true,
    );
    assert.equal((await asked(job)).digest, second.digest, 'the old decision answers nothing');
  });
});

async function withJob(body: (job: TestJob) => Promise<void>): Promise<void> {
  await using job = openTestJob();
  await body(job);
}

async function asked(job: TestJob): Promise<Question> {
  const result = await job.verify();
  if (result.kind === 'verified') throw new Error('nothing is asked');
  return new QuestionAsked(result.question).question;
}

function records(job: TestJob): number {
  return readLedger(job.workspace, (ledger) => ledger.job(job.jobId)!.at.seq);
}
