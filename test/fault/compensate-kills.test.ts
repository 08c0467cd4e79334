/**
 * A process that undoes a job is killed by SIGKILL, its successor goes on: the world is as it was before the job, and
 * each call's compensation has taken effect once. Each hit of each point alone: test/fault/compensate-matrix.test.ts.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { FAULT_POINTS } from '../../src/store/fault-point.ts';
import { CountingServer } from '../support/counting-server.ts';
import { testPostgres } from '../support/postgres.ts';
import { linesOf } from '../support/killing.ts';
import { twoAtATime, UndoKills } from '../support/undo-kills.ts';

const postgres = await testPostgres();
const server = await CountingServer.start();
const kills = new UndoKills(server);
after(async () => {
  await server.close();
  kills[Symbol.dispose]();
});

/**
 * Points that no undoing reaches; they belong to a comparison, a person's decision, a call that is refused, a step's
 * own record, a content that is not small, a command, a worker that is lost while it runs a step. And what is around
 * the protocol: Activities.
 */
const ELSEWHERE = new RegExp(
  String.raw`^(activity|verify|question|repair|perform\.withdrawn|blob|step\.answer|term\.raised|chmod|command)` +
    '|^worker\\.registered',
);

test('killed at every point of the undoing in turn, a job ends as one that was not killed', async () => {
  const done = await kills.doSaga('every-point');
  const killed = join(kills.root, 'killed');
  let report;
  for (let processes = 1; report === undefined; processes++) {
    assert.ok(processes <= FAULT_POINTS.length, 'each process is killed at another point');
    report = await kills.undo(done, { killOnceAt: 'every point', killed });
  }
  const reached = new Set(linesOf(killed));
  assert.deepEqual(
    FAULT_POINTS.filter((point) => !reached.has(point) && !ELSEWHERE.test(point)),
    [],
  );
  await kills.mustBeUndone(done, report);
});

test('PostgreSQL: killed around the commits of the undoing, a job ends as one that was not killed', async () => {
  const points = ['commit.database-before', 'commit.database-after', 'applying.after', 'record.before'];
  const failures = await twoAtATime(
    points,
    async (point, index) =>
      await kills.killAt(await kills.doSaga(`postgres-${index}`, await postgres.database()), point, 1),
  );
  assert.deepEqual(failures, []);
});
