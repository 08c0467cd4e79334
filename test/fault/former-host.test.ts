/**
 * A job's workspace goes to another host while a worker of the first stands still in a step. It wakes once the other
 * has gone on. The hosts are containers: names, numbers of processes and uptimes of their own, one volume.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { withoutContainers } from '../support/container.ts';
import { cutConnection } from '../support/cut-connection.ts';
import { snapshotFiles } from '../support/snapshot.ts';
import { testTemporal } from '../support/temporal.ts';
import { untilTrue } from '../support/until.ts';
import { dumpLedger } from './support/ledger-dump.ts';
import { HEARTBEAT_TIMEOUT_MS, VisitedJob } from './support/visited-job.ts';

const temporal = await testTemporal();
const jobs: VisitedJob[] = [];
const OPTIONS = { skip: withoutContainers, timeout: 300_000 };
/** Heartbeats, wake and whatever it would do. */
const AWAKE_MS = 4_000;

after(async () => {
  for (const job of jobs) await job.remove();
});

/** The worker itself: the only child of what keeps its container. */
function innerPid(outer: number): number {
  const [child] = readFileSync(`/proc/${outer}/task/${outer}/children`, 'utf8').trim().split(' ');
  return Number(child);
}

function everythingIn(workspace: string): unknown {
  return [snapshotFiles(workspace), dumpLedger(workspace)];
}

/** Undefined: there is none. */
function filesOf(workspace: string): unknown {
  return existsSync(workspace) ? snapshotFiles(workspace) : undefined;
}

for (const [how, move] of [
  ['is moved (mv)', (from: string, to: string) => execFileSync('mv', [from, to])],
  ['is copied (cp -a)', (from: string, to: string) => execFileSync('cp', ['-a', from, to])],
  ['lies on a volume that both have', undefined],
] as const)
  test(
    `a worker of the former host that wakes writes and calls nothing where the workspace ${how}`,
    OPTIONS,
    async () => {
      const job = new VisitedJob(temporal);
      jobs.push(job);
      await using way = await cutConnection(`http://${temporal.address}`);
      const address = new URL(way.url).host;
      const former = await job.startWorker({ container: { host: 'hosta' }, stopAt: 'code of b', address });
      await job.start();
      const pid = innerPid(former.process.pid!);
      await untilTrue(() => existsSync(join(job.outside, 'stopped')), { what: 'it is in the step', limitMs: 60_000 });
      process.kill(pid, 'SIGSTOP');
      // It has left the network: the server hands it nothing more.
      way.cutAll();
      const left = job.workspace;
      if (move !== undefined) {
        mkdirSync(job.beside('other-root'));
        job.workspace = join(job.beside('other-root'), 'workspace');
        move(left, job.workspace);
      }
      const next = await job.startWorker({ container: { host: 'hostb' }, root: join(job.workspace, '..') });
      await delay(HEARTBEAT_TIMEOUT_MS);
      const approval = await job.asked('approval');
      const look = (): unknown => [everythingIn(job.workspace), filesOf(left), job.calls(), job.runs()];
      const looked = look();
      writeFileSync(join(job.outside, 'woken'), '');
      process.kill(pid, 'SIGCONT');
      await delay(AWAKE_MS);
      assert.deepEqual(look(), looked);
      assert.ok(former.process.exitCode === null, former.printed());
      process.kill(pid, 'SIGKILL');
      await job.answer(approval, { answer: 'approve' });
      await job.endsWithEachEffectOnce();
      assert.equal(next.process.exitCode, null);
    },
  );
