/**
 * The server is killed and its database deleted, and the worker killed with it: all that is left of a job is its store,
 * and perhaps its workspace. It is resumed on another server, and does everything once.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import { CountingServer } from '../support/counting-server.ts';
import { untilAsked } from '../support/job-status.ts';
import { LostCluster, QUEUE } from '../support/lost-cluster.ts';
import { testPostgres } from '../support/postgres.ts';
import { untilTrue } from '../support/until.ts';

const WHO = { by: 'ada@example.com', reason: 'the cluster is gone' };
const ANSWER = { status: 200, headers: {}, body: '{}', contentType: 'application/json', truncated: false };
const postgres = await testPostgres();
const root = mkdtempSync(join(tmpdir(), 'holdfast-cluster-'));
const other = await CountingServer.start();
after(async () => {
  await other.close();
  rmSync(root, { recursive: true, force: true });
});

const STORES = {
  folder: () => Promise.resolve({ store: 'stored', env: {}, location: join(root, 'stored') }),
  PostgreSQL: async () => {
    const url = await postgres.database();
    return { store: '${{ env.CHECKPOINTS }}', env: { CHECKPOINTS: url }, location: url };
  },
};

function planOf(workspace: string, store: string): object {
  return {
    schemaVersion: 1,
    name: 'paying',
    workspace,
    checkpoint: { store },
    http: { hosts: [other.url] },
    steps: [
      { id: 'a', use: 'file.write', with: { path: 'in/a.txt', content: 'a\n' } },
      { id: 'pay', use: 'http', needs: ['a'], with: { url: `${other.url}/pay`, method: 'POST', json: { amount: 7 } } },
      {
        id: 'c',
        use: 'file.copy',
        needs: ['pay'],
        approval: 'before-apply',
        with: { from: 'in/a.txt', to: 'c.txt' },
      },
    ],
  };
}

interface Case {
  readonly store: keyof typeof STORES;
  readonly job: 'plan' | 'own';
  readonly where: 'old' | 'new';
  readonly lostWhile: 'it waits for an approval' | 'a call is under way';
}

async function started(cluster: LostCluster, { job }: Case, workspace: string, store: string): Promise<WorkflowHandle> {
  const own = [{ workspace, store, url: `${other.url}/pay` }];
  return await cluster.client.workflow.start(job === 'own' ? 'storedJob' : 'agentJob', {
    workflowId: `job-${workspace}`,
    taskQueue: QUEUE,
    args: job === 'own' ? own : [{ plan: planOf(workspace, store) }],
  });
}

async function goesOnElsewhere(one: Case): Promise<void> {
  const { store, env, location } = await STORES[one.store]();
  const workspace = `${one.store}-${one.job}-${one.where}-${one.lostWhile.length}`;
  const before = other.effects();
  const first = await LostCluster.start({ root, env });
  if (one.lostWhile === 'a call is under way') other.next('silent');
  const handle = await started(first, one, workspace, store);
  if (one.lostWhile === 'a call is under way') await untilTrue(() => other.effects() > before);
  else await untilAsked(handle);
  await first.lose();

  const second = await LostCluster.start({ root, env });
  try {
    const target = one.where === 'new' ? `${workspace}-again` : workspace;
    const { workflowId } = await second.holdfast.resume({
      from: `${location}/${handle.workflowId}`,
      ...WHO,
      ...(one.where === 'new' && { workspace: target }),
    });
    const resumed = second.client.workflow.getHandle(workflowId);
    if (one.lostWhile === 'a call is under way') {
      const { kind, digest } = await untilAsked(resumed, 30_000);
      assert.equal(kind, 'in-doubt');
      await second.holdfast.decide(workflowId, { answer: 'happened', result: ANSWER, ...WHO, digest });
    }
    const { kind, digest } = await untilAsked(resumed, 30_000);
    assert.equal(kind, 'approval');
    await second.holdfast.decide(workflowId, { answer: 'approve', ...WHO, digest });
    await resumed.result();
    for (const path of ['in/a.txt', 'c.txt']) assert.equal(readFileSync(join(root, target, path), 'utf8'), 'a\n');
    assert.equal(other.effects(), before + 1);
  } finally {
    await second.end();
  }
}

const CASES: readonly Case[] = [
  { store: 'folder', job: 'plan', where: 'new', lostWhile: 'it waits for an approval' },
  { store: 'folder', job: 'own', where: 'new', lostWhile: 'a call is under way' },
  { store: 'folder', job: 'plan', where: 'old', lostWhile: 'a call is under way' },
  { store: 'PostgreSQL', job: 'own', where: 'old', lostWhile: 'it waits for an approval' },
  { store: 'PostgreSQL', job: 'plan', where: 'new', lostWhile: 'a call is under way' },
  { store: 'PostgreSQL', job: 'own', where: 'new', lostWhile: 'it waits for an approval' },
];

for (const one of CASES)
  test(`the server is deleted while ${one.lostWhile}: ${one.job}, ${one.store}, ${one.where} workspace`, async () => {
    await goesOnElsewhere(one);
  });
