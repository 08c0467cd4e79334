/**
 * Ten thousand resumes of a world in which nothing has changed that counts: no false alarm. Each plays another worker,
 * with a ledger that it opens itself; every few of them the job takes a further step.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import * as z from 'zod';
import { VerificationReasonSchema } from '../../src/model/job/verify-world.ts';
import { defineStep, implementStep, openTestJob, type TestJobMemory, type TestJobOptions } from '../../src/testing.ts';
import { gitEnvironment } from '../support/git-environment.ts';
import { seededRandom, theSeed } from './support/seed.ts';

const RESUMES = 10_000;
const STEP_EVERY = 400;
const root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-no-alarm-')));
after(() => rmSync(root, { recursive: true, force: true }));
const seed = theSeed();

const note = defineStep({ name: 'note', input: z.object({ count: z.int() }), output: z.object({}) });
const steps = [
  implementStep(note, async (ctx, { count }) => {
    const text = await ctx.files.readText('given/plain.txt');
    await ctx.files.write(`made/${count}.txt`, `${count}: ${text}`);
    await ctx.files.write('made/latest.txt', `${count}\n`);
    const [row] = await ctx.db('main').query<{ id: number; held: string }>('SELECT id, held FROM given WHERE id = 1');
    await ctx.db('main').upsert('made', [
      { id: count, held: String(row?.held) },
      { id: 0, held: `latest is ${count}` },
    ]);
    return {};
  }),
];

const WATCH: NonNullable<TestJobOptions['watch']> = [
  { kind: 'file', path: 'given/**' },
  { kind: 'schema', database: 'main', table: 'made' },
  { kind: 'query', name: 'given', database: 'main', sql: 'SELECT id, held FROM given', params: [] },
  { kind: 'command', argv: ['git', '--version'] },
];

/** What people and programs do all day that changes nothing that counts. */
const HARMLESS: readonly ((workspace: string, random: () => number) => void)[] = [
  (workspace) => utimesSync(join(workspace, 'given/plain.txt'), new Date(), new Date()),
  (workspace) => utimesSync(join(workspace, 'made/latest.txt'), 1_000_000_000, 1_000_000_000),
  (workspace) => void readFileSync(join(workspace, 'given/plain.txt')),
  (workspace) => void execFileSync('git', ['-C', workspace, 'status', '--short'], { env: gitEnvironment }),
  // Written anew with the same content, as an editor saves.
  (workspace) => {
    const path = join(workspace, 'made/latest.txt');
    writeFileSync(`${path}~`, readFileSync(path));
    renameSync(`${path}~`, path);
  },
  (workspace, random) => writeFileSync(join(workspace, `beside-${Math.floor(random() * 5)}.log`), String(random())),
  (workspace) => {
    using database = new DatabaseSync(join(workspace, 'main.db'));
    database.exec("INSERT INTO other (held) VALUES ('another job’s'); DELETE FROM other WHERE id % 2 = 0");
  },
  (workspace) => {
    using database = new DatabaseSync(join(workspace, 'main.db'));
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  },
];

function world(): string {
  const workspace = join(root, 'workspace');
  mkdirSync(join(workspace, 'given'), { recursive: true });
  writeFileSync(join(workspace, 'given/plain.txt'), 'given\n');
  writeFileSync(join(workspace, 'given/empty'), '');
  writeFileSync(join(workspace, 'given/odd'), Buffer.from([0xff, 0xfe, 0, 0x80]));
  writeFileSync(join(workspace, 'given/run.sh'), '#!/bin/sh\n');
  chmodSync(join(workspace, 'given/run.sh'), 0o755);
  symlinkSync('plain.txt', join(workspace, 'given/link'));
  execFileSync('git', ['init', '-q', workspace], { env: gitEnvironment });
  using database = new DatabaseSync(join(workspace, 'main.db'));
  database.exec(`
    PRAGMA journal_mode = WAL;
    CREATE TABLE given (id INTEGER PRIMARY KEY, held TEXT);
    CREATE TABLE made (id INTEGER PRIMARY KEY, held TEXT);
    CREATE TABLE other (id INTEGER PRIMARY KEY AUTOINCREMENT, held TEXT);
    INSERT INTO given VALUES (1, 'given'), (2, NULL);
  `);
  return workspace;
}

test(`${RESUMES} resumes of an unchanged world raise no alarm (HOLDFAST_SEED=${seed})`, async (t) => {
  const random = seededRandom(seed);
  const workspace = world();
  const reasons = VerificationReasonSchema.options.filter((reason) => reason !== 'decided');
  let memory: TestJobMemory | undefined;
  let taken = 0;
  for (let resumes = 0; resumes < RESUMES; resumes++) {
    const job = openTestJob({
      workspace,
      steps,
      databases: { main: 'sqlite:main.db' },
      watch: WATCH,
      workerId: `worker-${resumes}`,
      ...(memory === undefined ? {} : { resume: memory }),
    });
    try {
      HARMLESS[Math.floor(random() * HARMLESS.length)]!(workspace, random);
      const reason = reasons[Math.floor(random() * reasons.length)]!;
      const result = await job.verify(reason, `resume ${resumes}`);
      assert.equal(result.kind, 'verified', `resume ${resumes}, ${reason}: ${JSON.stringify(result)}`);
      if (resumes % STEP_EVERY === 0) {
        taken += 1;
        await job.step(note, { count: taken }, { stepId: `note-${taken}` });
      }
      memory = job.memory;
    } finally {
      await job.close();
    }
  }
  t.diagnostic(`${RESUMES} resumes, ${taken} steps`);
  assert.equal(taken, RESUMES / STEP_EVERY);
  assert.equal(readdirSync(join(workspace, 'made')).length, taken + 1);
});
