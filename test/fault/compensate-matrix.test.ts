/**
 * The undoing of a job, killed by SIGKILL at one hit of one fault point: for each point, on SQLite and PostgreSQL, its
 * successor ends it as if it had not been killed. Of points that are hit often the first, the last and one between.
 */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
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

for (const dialect of ['SQLite', 'PostgreSQL'] as const) {
  test(`${dialect}: killed at any point of the undoing, a job ends as one that was not killed`, async (t) => {
    const databaseUrl = async (): Promise<string | undefined> =>
      dialect === 'SQLite' ? undefined : await postgres.database();
    const template = await kills.doSaga(`template-${dialect}`, await databaseUrl());
    const hits = join(kills.root, `hits-${dialect}`);
    const reference = dialect === 'SQLite' ? kills.copyOf(template, 'reference') : template;
    await kills.mustBeUndone(reference, await kills.undo(reference, { hits }));
    const counts = new Map<string, number>();
    for (const point of linesOf(hits)) counts.set(point, (counts.get(point) ?? 0) + 1);
    const chosen = [...counts].flatMap(([point, count]) =>
      [...new Set([1, Math.ceil(count / 2), count])].map((hit) => ({ point, hit })),
    );
    const failures = await twoAtATime(chosen, async ({ point, hit }, index) => {
      const name = `kill-${dialect}-${index}`;
      const done = dialect === 'SQLite' ? kills.copyOf(template, name) : await kills.doSaga(name, await databaseUrl());
      await kills.killAt(done, point, hit);
      rmSync(done.places.workspace, { recursive: true, force: true });
    });
    t.diagnostic(`${chosen.length} kills at ${counts.size} points`);
    assert.deepEqual(failures, []);
  });
}
