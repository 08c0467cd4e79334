/**
 * Lists of a job on a real server whose workers are killed by SIGKILL: by a point of their own and from outside, while
 * the lists run and while they are undone. Nothing restarts a job: it ends by itself, with each item's effect once.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CountingServer } from '../support/counting-server.ts';
import { listPlan } from '../support/for-each-child.ts';
import { ForEachKills } from '../support/for-each-kills.ts';
import { linesOf } from '../support/killing.ts';
import { comparable, lookAt, SubStepKills } from '../support/sub-step-kills.ts';
import { testTemporal } from '../support/temporal.ts';
import { untilTrue } from '../support/until.ts';
import { ServedList } from './support/served-list.ts';

/** Each in a list of another kind, or in the middle of one. */
const WHILE_IT_RUNS = ['perform.call-after', 'seal.after', 'commit.file-renamed', 'commit.database-after'] as const;
const WHILE_IT_IS_UNDONE = ['seal.after', 'commit.file-renamed', 'record.after'] as const;
const PATIENCE_MS = 120_000;
const temporal = await testTemporal();

for (const within of ['activity', 'workflow'] as const) {
  test(`within the ${within}: workers killed while lists run; the job goes on, each item’s effect once`, async (t) => {
    await using server = await CountingServer.start();
    using kills = new ForEachKills({ within, url: server.url });
    using places = new SubStepKills();
    const wanted = comparable(await kills.untilItEnds('reference', {}));
    const order = { ...places.place('served'), within, url: server.url };
    await using job = await ServedList.start(temporal, order, listPlan(order));
    const [workers] = await Promise.all([
      job.untilItEnds({ killOnceAt: WHILE_IT_RUNS }),
      untilTrue(() => existsSync(join(order.outside, 'ran')), { limitMs: PATIENCE_MS, everyMs: 5 }).then(() =>
        job.kill(),
      ),
    ]);
    t.diagnostic(`${workers} workers killed`);
    const { outputs } = (await job.handle.result()) as { outputs: Record<string, unknown> };
    const end = { output: [outputs['own'], outputs['files']] } as never;
    assert.deepEqual(linesOf(order.killed!).toSorted(), WHILE_IT_RUNS.toSorted());
    assert.deepEqual(comparable(await lookAt(job.order, end)), wanted);
    // Those of the reference, and this job's.
    assert.equal(server.effects(), 2 * 3);
  });

  test(`within the ${within}: a list that is partly done is undone, newest first, each item once`, async (t) => {
    using places = new SubStepKills();
    const order = { ...places.place('undone'), within, url: 'http://127.0.0.1:9' };
    const each = { items: Array.from({ length: 40 }, (_, place) => place), within };
    const write = { path: 'files/${{ item }}.txt', content: 'number ${{ item }}' };
    const plan = {
      schemaVersion: 1,
      name: 'undone',
      workspace: '.',
      steps: [
        { id: 'before', use: 'file.write', with: { path: 'before.txt', content: 'before' } },
        { id: 'each', use: 'file.write', needs: ['before'], forEach: each, with: write },
        { id: 'gate', use: 'file.write', needs: ['each'], approval: 'before-apply', with: { path: 'g', content: 'g' } },
      ],
    };
    await using job = await ServedList.start(temporal, order, plan);
    job.begin();
    const has = (place: number): boolean => existsSync(join(order.workspace, `files/${place}.txt`));
    await untilTrue(() => has(4), { limitMs: PATIENCE_MS, everyMs: 1 });
    await job.kill();
    const done = job.recorded('step');
    t.diagnostic(`${done.length} records, ${has(39) ? 'all' : 'some'} items begun`);
    await job.handle.signal('abort', { by: 'a person', reason: 'because', compensate: true });
    const workers = await job.untilItEnds({ killOnceAt: WHILE_IT_IS_UNDONE });
    t.diagnostic(`${workers} workers killed`);
    assert.deepEqual(linesOf(order.killed!).toSorted(), WHILE_IT_IS_UNDONE.toSorted());
    const undone = job.recorded('undone');
    assert.deepEqual(undone, job.recorded('step').toReversed(), 'newest first, each once');
    assert.ok(undone.length >= done.length && undone.length < 42, `${undone.length} undone`);
    assert.deepEqual(Object.keys((await lookAt(job.order, {} as never)).files), ['outer-input.txt']);
  });
}
