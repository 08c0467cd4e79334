/** Cleaning up beside other processes: others that clean up, and workers that run jobs and seal their checkpoints. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, test } from 'node:test';
import pg from 'pg';
import { loadJob } from '../../src/protocol/checkpoint/load-job.ts';
import { verifyArchive } from '../../src/protocol/retention/archive-file.ts';
import { collectBelow, type GcReport } from '../../src/protocol/retention/gc.ts';
import { openStore } from '../../src/store/sealed/open-store.ts';
import { verifyStore } from '../../src/store/sealed/verify.ts';
import { answerOf, startChild } from '../support/child-process.ts';
import { cli } from '../support/cli-terminal.ts';
import { endedJob, LARGE } from '../support/ended-job.ts';
import { LATER_MS } from '../support/gc-world.ts';
import { readLedger } from '../support/ledger.ts';
import { testPostgres } from '../support/postgres.ts';
import type { GcRacerOrder } from './support/gc-racer-child.ts';

const CHILD = new URL('./support/gc-racer-child.ts', import.meta.url).pathname;
const postgres = await testPostgres();
const base = mkdtempSync(join(tmpdir(), 'holdfast-gc-beside-'));
after(() => rmSync(base, { recursive: true, force: true }));

const STORES: Readonly<Record<string, (root: string) => Promise<string>>> = {
  folder: (root) => Promise.resolve(join(root, 'checkpoints')),
  PostgreSQL: async () => await postgres.database(),
};
/** Much longer than a checkpoint takes to be sealed here; a day outside of tests. */
const UNUSED_FOR_MS = 3_000;
const NOBODYS = 200;

async function racing<T>(order: GcRacerOrder): Promise<T> {
  const answer = await answerOf<T>(startChild({ script: CHILD, order, compiled: join(base, 'compiled') }));
  assert.ok(answer !== undefined);
  return answer;
}

function meetingFor(root: string): string {
  const meeting = join(root, '.meeting');
  mkdirSync(meeting, { recursive: true });
  return meeting;
}

/** Contents that no document names: most are nobody's, and the jobs of these names are about to store the others. */
async function storeLongAgo(checkpoints: string, names: readonly string[]): Promise<void> {
  const store = openStore(checkpoints);
  const wanted = names.flatMap((name) => [0, 10].map((at) => `${name} ${at} ${LARGE}`));
  const nobodys = Array.from({ length: NOBODYS }, (_, index) => `nobody's ${index}`);
  for (const text of [...nobodys, ...wanted]) {
    const { content } = await store.putBlob(Readable.from([Buffer.from(text)]));
    const path = join(checkpoints, 'blobs', content.slice(0, 1), content.slice(1));
    if (existsSync(path)) utimesSync(path, 0, 0);
  }
  await store.close();
  if (!checkpoints.startsWith('postgres')) return;
  const client = new pg.Client(checkpoints);
  await client.connect();
  await client.query("UPDATE holdfast_checkpoint.blob SET at = '1970-01-02'");
  await client.end();
}

function contentsIn(reports: readonly GcReport[]): number {
  return reports.flatMap(({ stores }) => stores).reduce((sum, { contents }) => sum + contents, 0);
}

const problemsOf = (reports: readonly GcReport[]): readonly string[] =>
  reports.flatMap((report) => report.problems.map(({ what }) => what));

/** The store is sound, the newest checkpoints of each job can be loaded, each archive is whole. */
async function mustBeWhole(root: string, checkpoints: string): Promise<readonly string[]> {
  const store = openStore(checkpoints);
  try {
    assert.deepEqual((await verifyStore(store)).problems, []);
    for (const series of await store.series()) {
      const newest = (await store.generations(series)).slice(-3);
      assert.equal(newest.length, 3, series);
      for (const seq of newest) await loadJob(store, series, seq);
    }
  } finally {
    await store.close();
  }
  const archives = join(root, 'archives');
  const names = readdirSync(archives);
  assert.deepEqual(
    names.filter((name) => !name.endsWith('.tar')),
    [],
    'nothing half written is left',
  );
  return await Promise.all(names.map(async (name) => (await verifyArchive(join(archives, name))).jobId));
}

for (const [store, made] of Object.entries(STORES)) {
  test(`${store}: of three that clean up at once, each record is archived and removed once`, async () => {
    const root = join(base, `at-once-${store}`);
    const checkpoints = await made(root);
    const ids: string[] = [];
    await storeLongAgo(checkpoints, []);
    const job = {
      retention: { days: 30, archive: 'archives' },
      checkpoint: { store: '${{ env.CHECKPOINTS }}', keep: 3 },
      env: { CHECKPOINTS: checkpoints },
    };
    for (let count = 0; count < 12; count++)
      ids.push(await endedJob({ root, name: `job-${count}`, steps: 11, ...job }));
    const order = { root, checkpoints, meeting: meetingFor(root), racers: 3, unusedForMs: 0 };
    const reports = await Promise.all(
      ['one', 'two', 'three'].map(async (name) => {
        const own: GcRacerOrder = { ...order, name, collect: { times: 3 }, nowMs: Date.now() + LATER_MS };
        return await racing<GcReport[]>(own);
      }),
    );
    const retired = reports.flat().flatMap((report) => report.retired.map(({ jobId }) => jobId));
    assert.deepEqual(retired.toSorted(), ids.toSorted(), 'each once');
    const problems = problemsOf(reports.flat());
    assert.deepEqual(
      problems.filter((what) => !/Another `holdfast gc` is writing the archive/.test(what)),
      [],
    );
    assert.deepEqual([...(await mustBeWhole(root, checkpoints))].toSorted(), ids.toSorted());
    assert.equal(contentsIn(reports.flat()), NOBODYS, 'each content was removed by one');
    const last = await collectBelow(root, { env: job.env, dryRun: false, nowMs: Date.now() + LATER_MS });
    assert.deepEqual([last.problems, last.retired, last.contents], [[], [], 0]);
    const opened = openStore(checkpoints);
    for (const id of ids) assert.equal((await opened.generations(id)).length, 3);
    await opened.close();
  });

  test(`${store}: of three that remove contents at once, each goes once, and none is in another’s way`, async () => {
    const root = join(base, `contents-${store}`);
    const checkpoints = await made(root);
    await storeLongAgo(checkpoints, []);
    const order = { root, checkpoints, meeting: meetingFor(root), racers: 3, unusedForMs: UNUSED_FOR_MS };
    const names = ['one', 'two', 'three'];
    const reports = await Promise.all(
      names.map(async (name) => await racing<GcReport[]>({ ...order, name, collect: { times: 2 } })),
    );
    assert.deepEqual(problemsOf(reports.flat()), []);
    assert.equal(contentsIn(reports.flat()), NOBODYS);
  });

  test(`${store}: beside workers of other processes that seal, two gc take nothing that anybody needs`, async (t) => {
    const root = join(base, `beside-${store}`);
    const checkpoints = await made(root);
    mkdirSync(root, { recursive: true });
    await storeLongAgo(checkpoints, ['a', 'b']);
    const over = join(base, `over-${store}`);
    const order = { root, checkpoints, meeting: meetingFor(root), racers: 4, unusedForMs: UNUSED_FOR_MS };
    const collecting = Promise.all(
      ['gc-one', 'gc-two'].map(async (name) => await racing<GcReport[]>({ ...order, name, collect: { until: over } })),
    );
    const workers = ['a', 'b'].map(async (name) => await racing<string[]>({ ...order, name, jobs: 8 }));
    const ids = await Promise.all(workers).finally(() => writeFileSync(over, ''));
    const reports = (await collecting).flat();
    const retired = reports.flatMap((report) => report.retired.map(({ jobId }) => jobId));
    const checkpointsGone = reports.flatMap(({ stores }) => stores).reduce((sum, one) => sum + one.checkpoints, 0);
    t.diagnostic(
      `${reports.length} times: ${retired.length} records, ${checkpointsGone} checkpoints, ` +
        `${contentsIn(reports)} contents of the store`,
    );
    assert.deepEqual(
      problemsOf(reports).filter((what) => !/busy|gone on|is writing the archive|locked/i.test(what)),
      [],
    );
    assert.ok(contentsIn(reports) >= NOBODYS, 'contents of the store, too');
    assert.ok(retired.length > 4 && checkpointsGone > 8, 'there was something to remove');
    assert.equal(new Set(retired).size, retired.length, 'each once');
    const archived = await mustBeWhole(root, checkpoints);
    assert.deepEqual([...archived].toSorted(), retired.toSorted());
    for (const [index, name] of ['a', 'b'].entries()) {
      const recorded = readLedger(join(root, name), (ledger) => ledger.jobIds());
      assert.deepEqual(
        [...archived, ...recorded].filter((id) => ids[index]!.includes(id)).toSorted(),
        ids[index]!.toSorted(),
      );
      const checked = await cli(['doctor', join(root, name), '--deep', '--json'], { cwd: root });
      const { checks } = checked.json<{ checks: { name: string; state: string; detail: string }[] }>();
      assert.deepEqual(
        checks.filter((check) => /record|content/.test(check.name) && check.state === 'problem'),
        [],
      );
    }
  });
}
