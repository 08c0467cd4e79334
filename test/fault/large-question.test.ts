/**
 * A question about very much, on a real server: three hundred changed files, for each of which three hundred steps are
 * stale. It is asked, shown, answered and carried out within what a message to the server holds, and the job ends.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as z from 'zod';
import { MAX_QUESTION_BYTES } from '../../src/model/question/bounded-question.ts';
import type { Finding } from '../../src/model/question/finding.ts';
import type { Question } from '../../src/model/question/question.ts';
import { defineStep, implementStep } from '../../src/model/step/step.ts';
import { agentJob } from '../../src/workflows/agent-job.ts';
import { cli } from '../support/cli-terminal.ts';
import { statusOf, untilAsked, untilStatus } from '../support/job-status.ts';
import { testWorker } from '../support/running-worker.ts';
import { testTemporal } from '../support/temporal.ts';

const FILES = 300;
const USERS = 298;
const LIMIT_MS = 200_000;

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = mkdtempSync(join(tmpdir(), 'holdfast-large-'));
const env = { ...process.env, ...temporal.env, NO_COLOR: '1' };
/** Long, so that what names files and steps is as large as it gets in practice. */
const nameOf = (n: number): string => `reports/of-the-third-quarter/department-${n}/summary-of-all-figures.txt`;

const empty = z.strictObject({});
const write = implementStep(defineStep({ name: 'write-all', input: empty, output: empty }), async (ctx) => {
  for (let n = 0; n < FILES; n++) await ctx.files.write(nameOf(n), `line one of ${n}\n`.repeat(100));
  return {};
});
const read = implementStep(defineStep({ name: 'read-all', input: empty, output: empty }), async (ctx) => {
  for (let n = 0; n < FILES; n++) await ctx.files.read(nameOf(n));
  return {};
});
let uses = 0;
const use = implementStep(defineStep({ name: 'use', input: empty, output: empty }), () => {
  uses += 1;
  return {};
});
const last = implementStep(defineStep({ name: 'last', input: empty, output: empty }), async (ctx) => {
  await ctx.files.write('last.txt', 'x');
  return {};
});

testWorker(temporal, { taskQueue, root, steps: [write, read, use, last] });
after(() => rmSync(root, { recursive: true, force: true }));

async function waiting(): Promise<{ readonly job: string; readonly workspace: string }> {
  const job = temporal.unique('large');
  const users = Array.from({ length: USERS }, (_, n) => ({
    id: `use-everything-for-the-board-${n}`,
    use: 'use',
    needs: ['read'],
  }));
  const steps = [
    { id: 'write', use: 'write-all' },
    { id: 'read', use: 'read-all', needs: ['write'] },
    ...users,
    { id: 'last', use: 'last', needs: users.map(({ id }) => id), approval: 'before-apply' },
  ];
  const plan = { schemaVersion: 1, name: 'large', workspace: job, steps };
  await temporal.client.workflow.start(agentJob, { workflowId: job, taskQueue, args: [{ plan } as never] });
  return { job, workspace: join(root, job) };
}

const itemOf = ({ resource }: Finding): string[] => ['--item', `${resource}=accept`];

async function holdfast(args: readonly string[]): ReturnType<typeof cli> {
  return await cli(args, { cwd: root, env });
}

for (const answer of ['accept', 'rerun'])
  test(`very much that differs is asked about, and the answer ${answer} is carried out to the end`, async (t) => {
    const begun = performance.now();
    const took = (what: string, more = ''): void =>
      t.diagnostic(`${what}: ${Math.round(performance.now() - begun)} ms ${more}`);
    const { job, workspace } = await waiting();
    const handle = temporal.client.workflow.getHandle(job);
    const decide = async (...given: string[]): Promise<void> => {
      const told = await holdfast(['decide', job, ...given, '--by', 'a person', '--reason', 'because']);
      assert.equal(told.code, 0, `${told.out}${told.err}`);
    };
    await untilAsked(handle, LIMIT_MS);
    took('the steps are done');
    for (let n = 0; n < FILES; n++) writeFileSync(join(workspace, nameOf(n)), `another line of ${n}\n`.repeat(100));
    await decide('approve');
    await untilStatus(handle, ({ questions }) => questions[0]?.kind === 'discrepancy', LIMIT_MS);
    took('it is asked');
    const [question] = (await statusOf(handle)).questions;
    const sizeBytes = Buffer.byteLength(JSON.stringify(question));
    assert.ok(sizeBytes <= MAX_QUESTION_BYTES, `${sizeBytes} bytes`);
    const shown = await holdfast(['question', job]);
    assert.equal(shown.code, 3, shown.err);
    assert.match(shown.out, /300 things differ/);
    const [told] = (await holdfast(['question', job, '--json'])).json<{ questions: [Question] }>().questions;
    assert.equal(told.findingsTotal, FILES);
    const full = (await holdfast(['question', job, '--full', '--json'])).json<{ questions: [Question] }>().questions[0];
    assert.equal(full.findings.length, FILES);
    assert.ok(full.findings.every(({ staleSteps }) => staleSteps.length === USERS + 1));
    took('it is shown', `${sizeBytes} bytes of a question, ${shown.out.length} characters shown`);
    const usesBefore = uses;
    // Each by its name, or all at once.
    await decide(...(answer === 'accept' ? full.findings.flatMap(itemOf) : [answer]));
    took('it is decided');
    await untilStatus(handle, ({ questions, state }) => state === 'completed' || questions.length > 0, LIMIT_MS);
    if ((await statusOf(handle)).questions.length > 0) await decide('approve');
    await handle.result();
    took('the job has ended');
    assert.equal(readFileSync(join(workspace, 'last.txt'), 'utf8'), 'x');
    assert.equal(uses - usesBefore, answer === 'rerun' ? USERS : 0);
    const { events } = await handle.fetchHistory();
    const sizes = events!.map((event) => Buffer.byteLength(JSON.stringify(event)));
    took('its history', `${sizes.length} events, the largest ${Math.max(...sizes)} bytes`);
    assert.ok(Math.max(...sizes) <= MAX_QUESTION_BYTES, `an event of ${Math.max(...sizes)} bytes`);
  });
