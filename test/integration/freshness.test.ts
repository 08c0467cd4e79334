/** For how long, and for whom, a comparison counts: a busy job, and what comes while the comparison looks. */
import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'node:test';
import * as z from 'zod';
import { fileWriteStep } from '../../src/model/step/built-in/file.ts';
import type { RunStepResult } from '../../src/model/job/run-step.ts';
import type { Question } from '../../src/model/question/question.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { defineStep, implementStep, openTestJob, QuestionAsked, type TestJob } from '../../src/testing.ts';
import { forEachTest, TestedJob } from '../support/tested-job.ts';

const act = defineStep({ name: 'act', input: z.object({}), output: z.any() });
const AN_ACT = { stepId: 'act', step: 'act', input: {} };

class ActingJob extends TestedJob {
  code: () => unknown = () => ({});
  readonly #others: TestJob[] = [];

  override begin(): void {
    this.code = () => ({});
    this.job = this.#open({ verifyAfterMs: 600, watch: [{ kind: 'file', path: 'watched.txt' }] });
    this.put('watched.txt', 'as it was');
  }

  override async end(): Promise<void> {
    for (const other of this.#others.splice(0)) await other.close();
    await super.end();
  }

  /** Another worker of the job. */
  another(): TestJob {
    const other = this.#open({ workspace: this.job.workspace, resume: this.job.memory, workerId: 'another' });
    this.#others.push(other);
    return other;
  }

  #open(options: Parameters<typeof openTestJob>[0]): TestJob {
    return openTestJob({ steps: [implementStep(act, () => this.code()) as never], ...options });
  }
}
const acting = forEachTest(new ActingJob());

const write = async (id: string): Promise<unknown> =>
  await acting.job.step(fileWriteStep, { path: `${id}.txt`, content: id }, { stepId: id });

/** Runs a step every 100 ms until one of them asks. */
async function askedWhileBusy(): Promise<Question> {
  for (let count = 0; count < 40; count++) {
    try {
      await write(`busy-${count}`);
    } catch (error) {
      if (error instanceof QuestionAsked) return error.question;
      throw error;
    }
    await delay(100);
  }
  throw new Error('40 steps in 4 s, and nobody was asked');
}

test('a busy job is compared again as often as its plan says, with what it watches', async () => {
  await write('first');
  appendFileSync(acting.at('first.txt'), 'by somebody');
  appendFileSync(acting.at('watched.txt'), 'by somebody');
  const { findings } = await askedWhileBusy();
  assert.deepEqual(findings.map(({ resource }) => resource).sort(), ['file:first.txt', 'file:watched.txt']);
});

/** Does something once a comparison has looked, before it concludes; its end is waited for. */
async function compareWhile<T>(work: () => Promise<T>): Promise<T> {
  let meanwhile: Promise<T> | undefined;
  setFaultHook((point) => {
    if (point === 'verify.compared') meanwhile ??= work();
  });
  assert.equal((await acting.job.verify()).kind, 'verified');
  setFaultHook(undefined);
  assert.ok(meanwhile !== undefined);
  return await meanwhile;
}

const reasonOf = (result: RunStepResult): string =>
  result.kind === 'verification-required' ? result.reason : result.kind;

test('a worker that comes while a comparison looks is not covered by it', async () => {
  await write('first');
  const other = acting.another();
  const first = await compareWhile(async () => await other.ask(AN_ACT));
  assert.equal(reasonOf(first), 'worker-not-covered');
  assert.equal(reasonOf(await other.ask(AN_ACT)), 'worker-not-covered');
  await other.verify();
  assert.equal(reasonOf(await other.ask(AN_ACT)), 'done');
});

test('a claim that is found left open while a comparison looks is not covered by it', async () => {
  await write('first');
  let lose = (): void => undefined;
  const lost = new Promise<void>((resolve) => (lose = resolve));
  acting.code = async () => {
    lose();
    return await new Promise(() => undefined);
  };
  void acting.job.ask(AN_ACT).catch(() => undefined);
  await lost;
  acting.code = () => ({});
  const found = await compareWhile(async () => await acting.job.ask(AN_ACT));
  assert.equal(reasonOf(found), 'claim-left-open');
  assert.equal(reasonOf(await acting.job.ask(AN_ACT)), 'claim-left-open');
  await acting.job.verify();
  assert.equal(reasonOf(await acting.job.ask(AN_ACT)), 'done');
});
