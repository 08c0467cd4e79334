/**
 * One item of a plan's list is asked about, without a server: somebody changed what it wrote, it meets what it does not
 * know, or its call is in doubt. Each answer does what it says to that item, and no other runs again.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import * as z from 'zod';
import type { Question } from '../../src/model/question/question.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { defineStep, implementStep, openTestJob, type TestJob, type TestJobOptions } from '../../src/testing.ts';
import { questionFrom } from '../support/questions.ts';
import { forEachTest, TestedJob } from '../support/tested-job.ts';

const write = defineStep({ name: 'write', input: z.strictObject({ name: z.string() }), output: z.string() });
const NAMES = ['a', 'b', 'c', 'd', 'e'];
/** The item that is asked about, and one behind it that the first worker does not come to the end of. */
const [ASKED, LAST] = ['c', 'd'];

class ListJob extends TestedJob {
  ran: string[] = [];
  /** Items whose code has made its call. */
  called: string[] = [];
  /** Before an item writes. */
  before: (name: string) => Promise<void> | void = () => undefined;
  /** After a call has taken effect. */
  afterCall: (name: string) => void = () => undefined;
  #first: TestJob | undefined;

  get #options(): TestJobOptions {
    const code = implementStep(write, async (ctx, { name }) => {
      this.ran.push(name);
      await this.before(name);
      const answer = await ctx.perform('tell', {
        request: { name },
        inDoubt: 'ask',
        run: () => {
          this.called.push(name);
          this.afterCall(name);
          return `told ${name}`;
        },
      });
      await ctx.files.write(`${name}.txt`, `written by ${name}`);
      return answer;
    });
    return { steps: [code] as never };
  }

  override begin(): void {
    this.ran = [];
    this.called = [];
    this.before = () => undefined;
    this.afterCall = () => undefined;
    this.#first = undefined;
    this.job = openTestJob(this.#options);
  }

  override async end(): Promise<void> {
    await super.end();
    await this.#first?.close();
  }

  async runPlan(within: string): Promise<unknown> {
    const each = { items: NAMES, within };
    const step = { id: 'each', use: 'write', forEach: each, with: { name: '${{ item }}' } };
    return (await this.job.runPlan({ schemaVersion: 1, name: 'each', workspace: '.', steps: [step] })).outputs['each'];
  }

  /** The worker is gone while an item's code runs: nothing comes of it any more, and another goes on. */
  async loseWorkerAt(within: string, name: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.before = (reached) => {
        if (reached !== name) return;
        resolve();
        return new Promise(() => undefined);
      };
      this.runPlan(within).catch(reject);
    });
    this.before = () => undefined;
    this.#first = this.job;
    const { memory, workspace } = this.job;
    this.job = openTestJob({ ...this.#options, workspace, resume: memory, workerId: 'another' });
  }

  times(name: string): number {
    return this.ran.filter((one) => one === name).length;
  }

  /** How often the code of each item ran. */
  get runs(): readonly number[] {
    return NAMES.map((name) => this.times(name));
  }
}

const tested = forEachTest(new ListJob());
const FILE = `${ASKED}.txt`;
const OUTPUTS = NAMES.map((name) => `told ${name}`);

for (const within of ['activity', 'workflow'] as const) {
  const id = within === 'activity' ? 'each:2' : 'each#2';
  const once = [1, 1, 1, 1, 1];

  for (const [answer, content, runs] of [
    ['accept', 'by hand', [1, 1, 1, 2, 1]],
    ['restore', 'written by c', [1, 1, 1, 2, 1]],
    ['rerun', 'written by c', within === 'activity' ? [2, 2, 2, 2, 1] : [1, 1, 2, 2, 1]],
  ] as const)
    test(`within the ${within}: what an item wrote is changed while no worker is there: ${answer}`, async () => {
      await tested.loseWorkerAt(within, LAST!);
      tested.put(FILE, 'by hand');
      const question = await questionFrom(tested.runPlan(within));
      assert.deepEqual(
        question.findings.map(({ resource, recordedBy }) => [resource, recordedBy?.stepId]),
        [[`file:${FILE}`, id]],
      );
      const again = within === 'activity' ? 'each' : id;
      assert.deepEqual(question.findings[0]!.rerunSteps, [again]);
      await tested.decide(question, { answer });
      assert.deepEqual(await tested.runPlan(within), OUTPUTS);
      assert.equal(tested.text(FILE), content);
      assert.deepEqual(tested.runs, runs);
      assert.equal((await tested.job.verify()).kind, 'verified');
    });

  for (const [answer, content, runs] of [
    ['skip', 'by hand', once],
    ['overwrite', 'written by c', once],
    ['undo', 'written by c', within === 'activity' ? [2, 2, 2, 1, 1] : [1, 1, 2, 1, 1]],
  ] as const)
    test(`within the ${within}: an item meets what somebody put in its way: ${answer}`, async () => {
      const question = await conflictOf(within);
      assert.deepEqual([question.kind, question.stepId], ['conflict', id]);
      await tested.decide(question, { answer });
      assert.deepEqual(await tested.runPlan(within), OUTPUTS);
      assert.equal(tested.text(FILE), content);
      assert.deepEqual(tested.runs, runs);
      assert.deepEqual(tested.called, NAMES, 'what was called is not called again');
    });

  for (const [answer, calls] of [
    ['happened', 1],
    ['repeat', 2],
  ] as const)
    test(`within the ${within}: a call of one item is in doubt: ${answer}`, async () => {
      tested.afterCall = (name) => {
        tested.afterCall = name === ASKED ? () => undefined : tested.afterCall;
        if (name === ASKED) throw new Error('cut off');
      };
      const question = await questionFrom(tested.runPlan(within));
      assert.deepEqual(
        question.findings.map(({ resource, kind }) => [resource, kind]),
        [[`perform:${id}/tell`, 'outcome-unknown']],
      );
      assert.equal(existsSync(tested.at('d.txt')), false, 'no further item is begun');
      await tested.decide(question, { answer, ...(answer === 'happened' && { result: `told ${ASKED}` }) });
      assert.deepEqual(await tested.runPlan(within), OUTPUTS);
      assert.deepEqual(
        NAMES.map((name) => tested.called.filter((one) => one === name).length),
        [1, 1, calls, 1, 1],
      );
      assert.deepEqual(tested.runs.toSpliced(2, 1), [1, 1, 1, 1]);
    });
}

/** Its file is changed when it is about to be applied. */
async function conflictOf(within: string): Promise<Question> {
  tested.before = (name) => {
    if (name !== ASKED) return;
    setFaultHook((point) => {
      if (point !== 'applying.after') return;
      setFaultHook(undefined);
      tested.put(FILE, 'by hand');
    });
  };
  return await questionFrom(tested.runPlan(within));
}
