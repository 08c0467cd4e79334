/**
 * Lists of all kinds, within an activity and within the workflow, of built-in steps and of one's own: killed by SIGKILL
 * at one hit of each fault point, then at the first hit of every point in turn. Seed as in kill-matrix.test.ts.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CountingServer } from '../support/counting-server.ts';
import type { ForEachOrder } from '../support/for-each-child.ts';
import { ForEachKills } from '../support/for-each-kills.ts';
import { testPostgres } from '../support/postgres.ts';
import { comparable, type SubStepRun } from '../support/sub-step-kills.ts';
import { chooseKills } from './support/chosen-kills.ts';
import { theSeed } from './support/seed.ts';

const postgres = await testPostgres();
const seed = theSeed();
const HITS_A_POINT = 1;

/** Jobs of one kind, each in a workspace of its own, and the endpoint that all of them call. */
class Jobs implements AsyncDisposable {
  readonly #server: CountingServer;
  readonly #kills: ForEachKills;
  #count = 0;

  private constructor(server: CountingServer, within: ForEachOrder['within']) {
    this.#server = server;
    this.#kills = new ForEachKills({ within, url: server.url });
  }

  static async of(within: ForEachOrder['within']): Promise<Jobs> {
    return new Jobs(await CountingServer.start(), within);
  }

  async untilItEnds(name: string, killing: Partial<ForEachOrder>, url?: string): Promise<SubStepRun> {
    this.#count += 1;
    return await this.#kills.untilItEnds(name, killing, url);
  }

  /** Three requests a job. */
  mustHaveCalledOnce(): void {
    assert.equal(this.#server.effects(), 3 * this.#count);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#kills[Symbol.dispose]();
    await this.#server.close();
  }
}

for (const within of ['activity', 'workflow'] as const) {
  test(`within the ${within}: killed at any point, each item is done once (HOLDFAST_SEED=${seed})`, async (t) => {
    await using jobs = await Jobs.of(within);
    const reference = await jobs.untilItEnds('reference', { hits: 'counted' });
    assert.deepEqual(reference.effects, [1, 1, 1]);
    // A table, then five lists; of each item of the last one a sub-step, too.
    assert.equal(reference.recorded.length, 1 + 3 + 2 + 2 + 3 + 3 * 2 + (within === 'activity' ? 5 : 0));
    const wanted = comparable(reference);
    const chosen = chooseKills(reference.hits, seed, HITS_A_POINT);
    const failures: string[] = [];
    let next = 0;
    const runOne = async (): Promise<void> => {
      for (let kill = chosen[next++]; kill !== undefined; kill = chosen[next++]) {
        const name = `hit ${kill.hit} of ${kill.point}`;
        try {
          const run = await jobs.untilItEnds(name, { kill });
          assert.deepEqual(run.killed, [kill.point], 'it was killed there');
          assert.deepEqual(comparable(run), wanted);
        } catch (error) {
          failures.push(`${name}: ${(error as Error).message}`);
        }
      }
    };
    await Promise.all([runOne(), runOne()]);
    t.diagnostic(`${chosen.length} kills`);
    assert.deepEqual(failures, []);
    jobs.mustHaveCalledOnce();
  });

  for (const dialect of ['SQLite', 'PostgreSQL'] as const)
    test(`within the ${within}, ${dialect}: killed at every point in turn, each item is done once`, async (t) => {
      await using jobs = await Jobs.of(within);
      const urlOf = async (): Promise<string | undefined> =>
        dialect === 'SQLite' ? undefined : await postgres.database();
      const reference = await jobs.untilItEnds('reference', {}, await urlOf());
      const often = await jobs.untilItEnds('killed', { killOnceAt: 'every point' }, await urlOf());
      t.diagnostic(`${often.killed.length} kills`);
      assert.deepEqual(comparable(often), comparable(reference));
      jobs.mustHaveCalledOnce();
    });
}
