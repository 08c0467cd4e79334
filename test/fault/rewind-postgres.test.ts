/**
 * A process that rewinds a job with a PostgreSQL database, or undoes that, is killed by SIGKILL at each point; its
 * successor goes on: files and rows are as they shall be, and the record says it once.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { RepairResult } from '../../src/model/job/repair.ts';
import { answerOf, startChild } from '../support/child-process.ts';
import { linesOf, type Kill, type Killing } from '../support/killing.ts';
import { decisionsOf } from '../support/ledger.ts';
import { direct } from '../support/postgres-subject.ts';
import { testPostgres } from '../support/postgres.ts';
import type { RewindOrder } from '../support/rewind-child.ts';
import {
  checkpointsOf,
  FAR_TABLES,
  farAgain,
  farJob,
  farWorldOf,
  makeWorld,
  openRewoundJob,
} from '../support/rewound-job.ts';
import { twoAtATime } from '../support/undo-kills.ts';

const CHILD = new URL('../support/rewind-child.ts', import.meta.url).pathname;
const postgres = await testPostgres();
const root = mkdtempSync(join(tmpdir(), 'holdfast-rewind-postgres-'));
after(() => rmSync(root, { recursive: true, force: true }));

interface Place {
  readonly order: RewindOrder;
  readonly jobId: string;
  readonly wanted: unknown;
}

/** A job to be rewound, or one that was and has run on, whose rewind is to be undone. */
async function placeOf(name: string, isUndone: boolean): Promise<Place> {
  const far = await postgres.database();
  await direct(far, ...FAR_TABLES);
  const job = openRewoundJob({ workspace: makeWorld(join(root, name)), far });
  const { middle, whole } = await farJob(job, far);
  const to = checkpointsOf(job)[1]!;
  if (isUndone) {
    assert.ok((await job.rewind({ to })).kind === 'repaired');
    assert.deepEqual(await farWorldOf(job.workspace, far), middle);
    await farAgain(job);
  }
  const { workspace, memory, jobId } = job;
  await job.close();
  const order: RewindOrder = { workspace, memory, far, ...(isUndone ? {} : { to }) };
  return { order, jobId, wanted: isUndone ? whole : middle };
}

async function act({ order }: Place, killing: Killing = {}): Promise<RepairResult | undefined> {
  const child = startChild({ script: CHILD, order: { ...order, ...killing }, compiled: join(root, 'compiled') });
  return await answerOf<RepairResult>(child);
}

async function mustBeDone({ order, jobId, wanted }: Place, result: RepairResult | undefined): Promise<void> {
  assert.ok(result?.kind === 'repaired', JSON.stringify(result));
  assert.deepEqual(await farWorldOf(order.workspace, order.far!), wanted);
  assert.equal(decisionsOf(order.workspace, jobId).length, order.to === undefined ? 2 : 1);
  const job = openRewoundJob(order);
  try {
    assert.equal((await job.verify()).kind, 'verified', 'the record says the same');
  } finally {
    await job.close();
  }
}

/** What the record and the databases meet: files are killed at in rewind-kills.test.ts. */
const AT = /^(repair|term|lock|database-commit|ledger-commit)\./;

function killsIn(hits: string): readonly Kill[] {
  const counted = new Map<string, number>();
  return linesOf(hits).flatMap((point) => {
    const hit = (counted.get(point) ?? 0) + 1;
    counted.set(point, hit);
    return AT.test(point) ? [{ point, hit }] : [];
  });
}

for (const [what, isUndone] of [
  ['a rewind', false],
  ['undoing a rewind', true],
] as const)
  test(`killed where record and databases of ${what} change, rows of PostgreSQL are as they shall be`, async () => {
    const name = isUndone ? 'undone' : 'rewound';
    const hits = join(root, `${name}-hits`);
    const unharmed = await placeOf(`${name}-unharmed`, isUndone);
    await mustBeDone(unharmed, await act(unharmed, { hits }));
    const kills = killsIn(hits);
    assert.ok(kills.some(({ point }) => point === 'repair.database-ready'));
    const failures = await twoAtATime(kills, async (kill, index) => {
      const place = await placeOf(`${name}-${index}`, isUndone);
      const first = await act(place, { kill, killed: join(root, `${name}-killed-${index}`) });
      await mustBeDone(place, first ?? (await act(place)));
      rmSync(place.order.workspace, { recursive: true, force: true });
    });
    assert.deepEqual(failures, []);
  });
