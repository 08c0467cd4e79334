/**
 * A job that goes back after its end, or is started from its store, moves to another version of its workers while it
 * still asks: the new Run does all that was asked of the first. Needs a server of 1.31 or newer.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import { connectHoldfast } from '../../src/client.ts';
import type { ChainRecord } from '../../src/model/record/record.ts';
import type { Question } from '../../src/model/question/question.ts';
import { statusOf, untilAsked } from '../support/job-status.ts';
import { linesOf } from '../support/killing.ts';
import { chainOf } from '../support/ledger.ts';
import { until, untilTrue } from '../support/until.ts';
import { testDeployment, workersOf } from '../support/versions.ts';

const LIMIT_MS = 60_000;
const WAITING = { limitMs: LIMIT_MS, everyMs: 500 };
const WHO = { by: 'ada@example.com', reason: 'the second one was wrong' };
const root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-resume-moves-')));
const deployment = await testDeployment(root);
const { client, taskQueue } = deployment;
const holdfast = await connectHoldfast({ address: deployment.address, namespace: 'default', env: {}, taskQueue });
const skip = deployment.canUpgrade ? false : 'the server does not tell pinned Workflows of newer versions';
after(async () => {
  await holdfast.close();
  rmSync(root, { recursive: true, force: true });
});

const file = (id: string, needs: readonly string[], more: object = {}): object => ({
  id,
  use: 'file.write',
  with: { path: `${id}.txt`, content: id },
  needs,
  state: { seen: id },
  ...more,
});

async function start(workspace: string, more: object = {}, last: object = {}): Promise<WorkflowHandle> {
  const steps = [file('a', []), file('b', ['a']), file('c', ['b'], last)];
  const state = { seen: { reducer: 'append' } };
  const plan = { schemaVersion: 1, name: 'moves', workspace, state, steps, ...more };
  const args = [{ plan }];
  return await client.workflow.start('agentJob', { workflowId: workspace, taskQueue, args });
}

const latest = (workflowId: string): WorkflowHandle => client.workflow.getHandle(workflowId);

async function recordsOf(workflowId: string): Promise<readonly ChainRecord[]> {
  return chainOf(join(root, workflowId), (await statusOf(latest(workflowId))).jobId);
}

/** Wakes the job until it is on that version. @returns what it asks there */
async function moved(workflowId: string, buildId: string): Promise<Question> {
  await untilTrue(async () => {
    await holdfast.wake(workflowId);
    return (await holdfast.describe(workflowId)).version?.buildId === buildId;
  }, WAITING);
  return await until(
    () => statusOf(latest(workflowId)),
    ({ verifications, questions }) => verifications.count > 0 && questions.length > 0,
    WAITING,
  ).then(({ questions }) => questions[0]!);
}

const stepsOf = (records: readonly ChainRecord[]): readonly string[] =>
  records.flatMap((record) => (record.kind === 'step' ? [`${record.stepId}${record.generation}`] : []));

const decisionsOf = (records: readonly ChainRecord[]): readonly string[] =>
  records.flatMap((record) => (record.kind === 'decision' ? [record.questionKind] : []));

test(
  'a job that had ended asks before it goes back, moves meanwhile, and goes back all the same',
  { skip },
  async () => {
    const first = await deployment.startWorker('1');
    await deployment.setCurrent('1');
    await (await start('ended')).result();
    const [, afterA] = (await recordsOf('ended')).filter(({ kind }) => kind === 'checkpoint');
    writeFileSync(join(root, 'ended', 'b.txt'), 'a person was here');
    const told = await holdfast.rewind('ended', { to: afterA!.seq, ...WHO });
    assert.equal(told.waitsFor, 'decision');
    const second = await deployment.startWorker('2');
    await deployment.setCurrent('2');
    const { digest, findings } = await moved('ended', '2');
    await first.kill();
    assert.deepEqual(
      findings.map(({ resource }) => resource),
      ['file:b.txt'],
    );
    await holdfast.decide('ended', { digest, answer: 'restore', ...WHO });
    const { state } = (await latest('ended').result()) as { readonly state: unknown };
    assert.deepEqual(state, { seen: ['a', 'b', 'c'] });
    const { wentBack } = await holdfast.status('ended');
    assert.deepEqual([wentBack?.to, wentBack?.runsAgain], [afterA!.seq, ['b', 'c']]);
    const records = await recordsOf('ended');
    assert.deepEqual(stepsOf(records), ['a0', 'b0', 'c0', 'b1', 'c1']);
    assert.deepEqual(decisionsOf(records), ['resume', 'discrepancy', 'rewind'], 'it is opened again once');
    assert.deepEqual(await workersOf(latest('ended')), ['worker-2']);
    await second.end();
  },
);

test('a rewind that meets a change once it is asked for moves, and is carried out after it', { skip }, async () => {
  const before = await deployment.startWorker('3');
  await deployment.setCurrent('3');
  await (await start('begun')).result();
  const [, afterA] = (await recordsOf('begun')).filter(({ kind }) => kind === 'checkpoint');
  await before.end();
  const killed = join(root, 'killed');
  const kill = { point: 'repair.sealed-before', hit: 1 };
  const doomed = await deployment.startWorker('3', 'PINNED', { kill, killed });
  const told = holdfast.rewind('begun', { to: afterA!.seq, ...WHO });
  await untilTrue(() => linesOf(killed).length > 0, WAITING);
  await doomed.end();
  // The world had been compared; what is to be taken back is no longer as the record has it.
  writeFileSync(join(root, 'begun', 'c.txt'), 'a person was here');
  const again = await deployment.startWorker('3');
  assert.equal((await told).waitsFor, 'decision');
  const second = await deployment.startWorker('4');
  await deployment.setCurrent('4');
  const question = await moved('begun', '4');
  await again.kill();
  const answer = question.findings[0]!.answers.find((one) => one === 'restore' || one === 'accept')!;
  await holdfast.decide('begun', { digest: question.digest, answer, ...WHO });
  const { state } = (await latest('begun').result()) as { readonly state: unknown };
  assert.deepEqual(state, { seen: ['a', 'b', 'c'] });
  const { wentBack } = await holdfast.status('begun');
  assert.deepEqual([wentBack?.to, wentBack?.runsAgain], [afterA!.seq, ['b', 'c']]);
  assert.deepEqual(stepsOf(await recordsOf('begun')), ['a0', 'b0', 'c0', 'b1', 'c1']);
  await second.end();
});

test('a job that asks which checkpoint it goes on from moves, and goes on from the one chosen', { skip }, async () => {
  const first = await deployment.startWorker('5');
  await deployment.setCurrent('5');
  const lost = await start('stored', { checkpoint: { store: 'stored-in' } }, { approval: 'before-apply' });
  await untilAsked(lost, LIMIT_MS);
  await lost.terminate('the cluster is gone');
  rmSync(join(root, 'stored'), { recursive: true });
  const series = join(
    root,
    'stored-in',
    readdirSync(join(root, 'stored-in')).find((name) => name !== 'blobs')!,
  );
  const newest = readdirSync(series)
    .filter((name) => name.endsWith('.sealed'))
    .toSorted()
    .at(-1)!;
  writeFileSync(join(series, newest), 'not a checkpoint');
  await holdfast.resume({ from: `${join(root, 'stored-in')}/stored`, ...WHO });
  assert.equal((await untilAsked(latest('stored'), LIMIT_MS)).findings[0]!.kind, 'checkpoint-damaged');
  const second = await deployment.startWorker('6');
  await deployment.setCurrent('6');
  const { digest, findings } = await moved('stored', '6');
  await first.kill();
  assert.equal(findings[0]!.kind, 'checkpoint-damaged');
  await holdfast.decide('stored', { digest, answer: 'older', ...WHO });
  const { digest: approval, stepId } = await until(
    async () => (await statusOf(latest('stored'))).questions.find(({ kind }) => kind === 'approval'),
    (question) => question !== undefined,
    WAITING,
  ).then((question) => question!);
  assert.equal(stepId, 'c');
  await holdfast.decide('stored', { digest: approval, answer: 'approve', ...WHO });
  const { state } = (await latest('stored').result()) as { readonly state: unknown };
  assert.deepEqual(state, { seen: ['a', 'b', 'c'] });
  assert.equal(readFileSync(join(root, 'stored', 'a.txt'), 'utf8'), 'a');
  await second.end();
});
