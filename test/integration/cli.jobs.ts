/** The command line starts jobs, shows them and waits for them. cli.test.ts runs these tests. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { JobResult, StartedJob } from '../../src/client.ts';
import type { JobStatus } from '../../src/model/job/status.ts';
import { atTheGate, gates, holdfast, openQuestion, root, taskQueue, temporal } from '../support/cli-jobs.ts';

test('start --wait follows a job on standard error and prints its result on standard output', async () => {
  const ran = await holdfast(['start', 'quick.yaml', 'who=7', '--wait', '-q', taskQueue]);
  assert.equal(ran.code, 0, ran.err);
  const { outputs } = ran.json<{ outputs: { hello: { path: string } } }>();
  assert.equal(outputs.hello.path, 'hello.txt');
  // The plan's schema wants a string, so `7` is read as one.
  assert.equal(readFileSync(join(root, 'quick/hello.txt'), 'utf8'), 'Hello 7');
  assert.match(ran.err, /^Started quick-[0-9a-f]{8}\. Ctrl-C ends the waiting, not the job\.\n/);
  assert.match(ran.err, /quick-[0-9a-f]{8} is completed\n$/);
});

test('start --wait without a terminal ends when the job asks a person', { timeout: 60_000 }, async () => {
  const job = temporal.unique('guarded');
  gates.set(job, Promise.withResolvers());
  gates.get(job)!.resolve();
  const options = ['--id', job, '--workspace', job, '-q', taskQueue, '--wait', '--json'];
  const ran = await holdfast(['start', 'guarded.yaml', `gate=${job}`, ...options]);
  assert.equal(ran.code, 3, ran.err);
  const { outcome, questions } = ran.json<JobResult & { outcome: 'running' }>();
  assert.equal(outcome, 'running');
  assert.deepEqual(
    questions?.map(({ findings }) => findings[0]!.kind),
    ['approval'],
  );
  await holdfast(['cancel', job, '--wait']);
});

test('what a Workflow of one’s own failed by is told with its causes', { timeout: 60_000 }, async () => {
  const workflowId = temporal.unique('failing');
  await temporal.client.workflow.start('failsInAnActivity', { workflowId, taskQueue });
  const ran = await holdfast(['result', workflowId, '--wait']);
  assert.equal(ran.code, 1);
  assert.match(ran.out, /^Job .* has failed: Activity task failed\n {2}caused by ZodError: /);
  const { failure } = (await holdfast(['result', workflowId, '--json'])).json<JobResult & { outcome: 'failed' }>();
  assert.deepEqual(
    failure.causes?.map(({ type }) => type),
    ['ZodError'],
  );
});

test('start says which job it started; Temporal says what the job is without any of our tools', async () => {
  const ran = await holdfast([
    'start',
    'quick.yaml',
    '--input',
    '{"who":"Ada","times":2}',
    '--input',
    'times=3',
    '-q',
    taskQueue,
    '--json',
  ]);
  const started = ran.json<StartedJob>();
  assert.deepEqual(
    { ...started, workflowId: '', runId: '' },
    { workflowId: '', runId: '', taskQueue, plan: 'quick', workspace: 'quick', input: { who: 'Ada', times: 3 } },
  );
  const description = await temporal.client.workflow.getHandle(started.workflowId).describe();
  assert.equal(await description.staticSummary(), 'quick {"who":"Ada","times":3}');
  assert.match((await description.staticDetails()) ?? '', /\*\*quick\*\*: a Holdfast job\n\n- workspace: `quick`\n/);
  assert.equal(description.raw.workflowExecutionInfo?.searchAttributes === undefined, false);
  assert.equal((await holdfast(['result', started.workflowId, '--wait'])).code, 0);
});

test('an input that does not fit the plan starts nothing', async () => {
  const ran = await holdfast(['start', 'quick.yaml', 'times=many', '--id', 'never', '-q', taskQueue]);
  assert.equal(ran.code, 2);
  assert.match(ran.err, /The input does not fit the plan "quick"\.\n {2}input\.who: is missing/);
  assert.equal((await holdfast(['result', 'never'])).code, 2);
});

test('an unknown job is told with where it was looked for', async () => {
  for (const command of ['status', 'question', 'result', 'cancel', 'wake']) {
    const ran = await holdfast([command, 'nobody']);
    assert.equal(ran.code, 2, command);
    assert.equal(
      ran.err,
      `holdfast: There is no job nobody in namespace ${temporal.namespace} of ` +
        `${temporal.address}.\nNext: Check the name; \`holdfast list\` shows the jobs. The record of one that the ` +
        'server has forgotten is read by its folder: holdfast log WORKSPACE\n',
    );
  }
});

test('an unknown namespace is told with the command that makes it', async () => {
  const ran = await holdfast(['list', '-n', 'nowhere-at-all']);
  assert.equal(ran.code, 2);
  assert.match(
    ran.err,
    /has no namespace nowhere-at-all\. Create it with `temporal operator namespace create --namespace nowhere-at-all`/,
  );
});

// Each has a job of its own, and waits more than it computes.
describe('the status of a job, and a watch of it', { concurrency: true }, () => {
  test(
    'status --watch without a terminal prints a line for each change, and ends with the job',
    { timeout: 60_000 },
    async () => {
      const { job } = await atTheGate();
      const watching = holdfast(['status', job, '--watch']);
      await delay(800);
      gates.get(job)!.resolve();
      await openQuestion(job);
      // The watch queries twice a second.
      await delay(1_500);
      await holdfast(['decide', job, 'abort', '--reason', 'enough', '--by', 'ada']);
      const ran = await watching;
      assert.equal(ran.code, 1);
      const lines = ran.out.trim().split('\n');
      assert.equal(lines[0], `${job} (guarded) is running`);
      assert.ok(lines.includes('▶ gate: running') && lines.includes('✔ gate: done'), ran.out);
      assert.match(
        ran.out,
        /\? question [0-9a-f]{12}: may the changes of step final be applied\? Look: holdfast question /,
      );
      assert.equal(lines.at(-1), `${job} is aborted`);
      assert.equal((await holdfast(['result', job, '--json'])).json<{ outcome: string }>().outcome, 'aborted');
    },
  );

  test('what a running step says of itself is shown beside it, and by a watch', { timeout: 60_000 }, async () => {
    const { job } = await atTheGate();
    const watching = holdfast(['status', job, '--watch']);
    const { progress } = (await holdfast(['status', job, '--json'])).json<JobStatus>();
    assert.deepEqual(progress, [
      { activity: 'runStep', stepId: 'gate', message: 'waits at the gate\u001b[2J', fraction: 0.25 },
    ]);
    const shown = await holdfast(['status', job]);
    assert.match(shown.out, /^ {2}▶ gate +running +waits at the gate<U\+001B>\[2J \(25 %\)$/m);
    const unwoken = await holdfast(['wake', job]);
    assert.equal(unwoken.code, 0);
    assert.match(unwoken.out, /is pinned to no version: no worker with Worker Versioning has had it; nothing was done/);
    await delay(700);
    await holdfast(['cancel', job, '--wait']);
    assert.match((await holdfast(['wake', job])).out, /had ended already; nothing was done/);
    assert.match((await watching).out, /^… gate: waits at the gate<U\+001B>\[2J \(25 %\)$/m);
    assert.equal((await holdfast(['status', job, '--json'])).json<JobStatus>().progress, undefined);
  });

  test('status --watch on a terminal redraws in place', { timeout: 60_000 }, async () => {
    const { job } = await atTheGate();
    const watching = holdfast(['status', job, '--watch'], { isTty: true });
    await delay(800);
    const cancelled = await holdfast(['cancel', job]);
    assert.equal(cancelled.code, 0);
    const ran = await watching;
    assert.ok(ran.out.includes('\u001b[0J'));
  });

  test('the status in JSON is the Workflow’s own', async () => {
    const { job } = await atTheGate();
    const status = (await holdfast(['status', job, '--json'])).json<JobStatus>();
    assert.deepEqual(
      status.steps.map(({ id, state }) => `${id} ${state}`),
      ['table done', 'source done', 'copy done', 'gate running'],
    );
    await holdfast(['cancel', job, '--wait']);
    mkdirSync(join(root, 'plain-folder'));
    assert.match((await holdfast(['verify', 'plain-folder'])).err, /has no record of a job/);
  });
});

test('without a worker a job is started, said to wait, and cannot be asked', { timeout: 60_000 }, async () => {
  const queue = temporal.unique('nobody');
  const started = await holdfast(['start', 'quick.yaml', 'who=Ada', '-q', queue, '--json']);
  assert.equal(started.code, 0);
  assert.match(
    started.err,
    new RegExp(
      `No worker is running on Task Queue ${queue}; the job waits for one\\. Start one: holdfast worker ` +
        `--task-queue ${queue}`,
    ),
  );
  const { workflowId } = started.json<StartedJob>();
  const status = await holdfast(['status', workflowId, '--json']);
  assert.equal(status.code, 5);
  const { error } = status.json<{ error: { type: string; message: string } }>();
  assert.equal(error.type, 'no-worker');
  assert.ok(
    error.message.startsWith(
      `Job ${workflowId} cannot be asked: no worker is running on Task Queue ${queue}. ` +
        "No worker has this job's workspace since 20",
    ),
    error.message,
  );
  const cancelled = await holdfast(['cancel', workflowId]);
  assert.equal(cancelled.code, 0);
  const none = `No worker is running on Task Queue ${queue};`;
  const start =
    'Start one on the host of its workspace quick, with the workspace root that it had: holdfast worker ' +
    `--task-queue ${queue} --workspace-root FOLDER`;
  const untilThen = 'when one is there, and nothing is lost.';
  assert.equal(cancelled.err, `${none} the job ends ${untilThen} ${start}\n`);
  const said = ['--signal', '--question', '0'.repeat(64), '--reason', 'as it should be'];
  const decided = await holdfast(['decide', workflowId, 'approve', ...said]);
  assert.equal(decided.code, 0, decided.err);
  assert.equal(decided.err, `${none} the decision is carried out ${untilThen} ${start}\n`);
  const result = await holdfast(['result', workflowId]);
  assert.equal(result.code, 6);
  assert.match(result.out, /No worker could be asked whether it waits for a person; start one with: holdfast worker/);
  await temporal.client.workflow.getHandle(workflowId).terminate('the test is over');
  const ended = await holdfast(['result', workflowId]);
  assert.deepEqual([ended.code, ended.out], [1, `Job ${workflowId} was terminated: the test is over\n`]);
});
