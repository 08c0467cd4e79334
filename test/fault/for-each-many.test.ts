/**
 * Lists as long as they may be, on a real server, whose worker is killed by SIGKILL in the middle: each item once, and
 * nothing of the job grows beyond what it may.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SubStepKills } from '../support/sub-step-kills.ts';
import { testTemporal } from '../support/temporal.ts';
import { untilTrue } from '../support/until.ts';
import { ServedList } from './support/served-list.ts';

const temporal = await testTemporal();
/** Most within a Workflow; within an Activity as many as somebody has who has thousands of small things. */
const ITEMS = { activity: 10_000, workflow: 1_000 };
const PATIENCE_MS = 1_200_000;

for (const within of ['activity', 'workflow'] as const)
  test(
    `within the ${within}: ${ITEMS[within]} items, and a worker killed in the middle: each item once`,
    { timeout: 2 * PATIENCE_MS },
    async (t) => {
      const [count, begun] = [ITEMS[within], performance.now()];
      const took = (): string => `${Math.round((performance.now() - begun) / 1000)} s`;
      using places = new SubStepKills();
      const order = { ...places.place('many'), within, url: 'http://127.0.0.1:9' };
      const plan = {
        schemaVersion: 1,
        name: 'many',
        workspace: '.',
        steps: [
          {
            id: 'each',
            use: 'file.write',
            forEach: { items: Array.from({ length: count }, (_, place) => place), within, atOnce: 8, outputs: 'none' },
            // Short, for what all items are given is one payload.
            with: { path: 'files/${{ item }}', content: 'n${{ item }}' },
          },
          { id: 'last', use: 'file.write', needs: ['each'], with: { path: 'last.txt', content: 'x' } },
        ],
      };
      await using job = await ServedList.start(temporal, order, plan);
      job.begin();
      const folder = join(order.workspace, 'files');
      await untilTrue(() => existsSync(join(folder, `${count / 2}`)), { limitMs: PATIENCE_MS, everyMs: 5 });
      await job.kill();
      t.diagnostic(`half of them, and the worker is killed: ${took()}`);
      await job.untilItEnds({ killOnceAt: [] });
      t.diagnostic(`the job has ended: ${took()}`);
      const files = readdirSync(folder);
      assert.equal(files.length, count);
      for (const name of files) assert.equal(readFileSync(join(folder, name), 'utf8'), `n${name}`);
      const recorded = job.recorded('step');
      assert.equal(new Set(recorded).size, recorded.length, 'each once');
      assert.equal(recorded.length, within === 'activity' ? count + 2 : count + 1);
      const { outputs } = (await job.handle.result()) as { outputs: Record<string, unknown> };
      assert.equal(outputs['each'], null);
    },
  );
