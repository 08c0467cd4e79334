/**
 * A plan says what is in its PostgreSQL database before the job: a fork into an empty database begins with it, from the
 * workspace and from the store alone, on the command line and in a program.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { forkStoredJob } from '../../src/changes.ts';
import type { PlanResult } from '../../src/model/plan/run/progress.ts';
import { basedNotes, OWN_BASE } from '../support/based-workflow.ts';
import { cli, type Ran } from '../support/cli-terminal.ts';
import { fingerprint } from '../support/forked-job.ts';
import { checkpointsIn } from '../support/noting-jobs.ts';
import { direct } from '../support/postgres-subject.ts';
import { testPostgres } from '../support/postgres.ts';
import { servedJobs } from '../support/served-jobs.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const postgres = await testPostgres();
const [DB, COPY, FORK, STORED, TAKEN, OWN] = await Promise.all(Array.from({ length: 6 }, () => postgres.database()));
const env = { DB: DB!, COPY: COPY!, FORK: FORK!, STORED: STORED!, TAKEN: TAKEN!, OWN: OWN! };
const workflows = new URL('../support/based-workflow.ts', import.meta.url).pathname;
const { root, client, taskQueue } = servedJobs(temporal, 'fork-base', { env, workflows });
const ROWS = [
  { id: 1, text: 'was there' },
  { id: 2, text: 'a' },
  { id: 3, text: 'b' },
];

/** As pg_dump writes it, for psql. */
const TABLES = `\\restrict Ab3
-- what was there
SELECT pg_catalog.set_config('search_path', '', false);
CREATE TABLE public.note (id int PRIMARY KEY, text text);
INSERT INTO public.note VALUES (1, 'was there');
\\unrestrict Ab3
`;

const PLAN = `
schemaVersion: 1
name: noting
workspace: other
checkpoint: { store: "\${{ env.CHECKPOINTS }}" }
databases:
  main: { url: "\${{ env.DB }}", base: "@sql/tables.sql" }
state: { seen: { reducer: append } }
steps:
  - { id: a, use: db.upsert, with: { database: main, table: note, rows: [{ id: 2, text: a }] }, state: { seen: a } }
  - id: b
    use: db.upsert
    needs: [a]
    with: { database: main, table: note, rows: [{ id: 3, text: b }] }
    state: { seen: b }
`;

const holdfast = async (...args: readonly string[]): Promise<Ran> =>
  await cli(args, { cwd: root, env: { ...process.env, ...temporal.env, ...env, NO_COLOR: '1' } });

async function rowsOf(url: string): Promise<unknown> {
  return (await direct(url, 'SELECT id, text FROM public.note ORDER BY id')).at(-1)!.rows;
}

let job: string;
let at: number;
before(async () => {
  writeFileSync(join(root, 'plan.yaml'), PLAN);
  const unread = await holdfast('check', 'plan.yaml');
  assert.match(unread.out + unread.err, /the base .*sql\/tables\.sql cannot be read: there is no such file/);
  mkdirSync(join(root, 'sql'));
  writeFileSync(join(root, 'sql', 'tables.sql'), TABLES);
  await direct(env.DB, ...TABLES.split('\n').filter((line) => /^(CREATE|INSERT)/.test(line)));
  const started = await holdfast('start', 'plan.yaml', '--task-queue', taskQueue, '--wait', '--json');
  assert.equal(started.code, 0, started.err);
  job = started.json<{ workflowId: string }>().workflowId;
  at = (await checkpointsIn(join(root, 'other')))[1]!.seq;
  rmSync(join(root, 'sql'), { recursive: true });
});

test('an empty database is begun with the base of the plan; one that is there with tables is refused', async () => {
  const typed = (name: string, ...more: readonly string[]) =>
    holdfast(
      'fork',
      'other',
      '--at',
      String(at),
      '--workspace',
      'fork',
      '--database',
      `main=\${{ env.${name} }}`,
      ...more,
    );
  await direct(env.TAKEN, 'CREATE TABLE own (id int)');
  const taken = await typed('TAKEN');
  assert.match(taken.err, /is there already, with 1 table\. Expected one that is empty/);
  const wrong = await typed('COPY', '--base', 'main=@plan.yaml');
  assert.match(wrong.err, /The base could not be made: .*syntax error/, 'what is given goes before the plan’s own');
  const ran = await typed('COPY', '--json');
  assert.equal(ran.code, 0, ran.err + ran.out);
  const { workflowId } = ran.json<{ workflowId: string }>();
  const { state } = (await temporal.client.workflow.getHandle(workflowId).result()) as PlanResult;
  assert.deepEqual(state, { seen: ['a', 'b'] });
  assert.deepEqual(await rowsOf(env.COPY), ROWS);
});

test('from the store alone, in a program: the base is in what started the job', async () => {
  const stored = join(root, 'stored');
  rmSync(join(root, 'other'), { recursive: true });
  const before = fingerprint(stored);
  process.env['FORK'] = env.FORK;
  try {
    const options = { workspace: join(root, 'again'), databases: { main: '${{ env.FORK }}' }, by: 'ada' };
    await assert.rejects(forkStoredJob(`${stored}/${job}`, { ...options, job } as never), /"job", which is unknown/);
    await assert.rejects(forkStoredJob(`${stored}/${job}@999`, options), { type: 'not-found' });
    assert.equal(existsSync(join(root, 'again')), false);
    const made = await forkStoredJob(`${stored}/${job}`, { ...options, at });
    assert.equal(made.fork.from.seq, at);
    assert.deepEqual(await rowsOf(env.FORK), ROWS.slice(0, 2), 'as at the checkpoint');
    const found = await forkStoredJob(`${stored}/${job}@${at}`, options);
    assert.deepEqual([found.isFound, found.fork.workflowId], [true, made.fork.workflowId]);
    const { workflowId } = await client.startFork(made.fork);
    const { state } = (await temporal.client.workflow.getHandle(workflowId).result()) as PlanResult;
    assert.deepEqual(state, { seen: ['a', 'b'] });
    assert.deepEqual(await rowsOf(env.FORK), ROWS);
    for (const [path, told] of Object.entries(before))
      if (told.split(' ')[1] !== '') assert.equal(fingerprint(stored)[path], told, 'the store is as it was');
  } finally {
    delete process.env['FORK'];
  }
});

test('from the store alone, on the command line', async () => {
  const from = ['fork', '--from', `./stored/${job}@${at}`, '--workspace', 'typed', '--task-queue', taskQueue];
  const ran = await holdfast(...from, '--database', 'main=${{ env.STORED }}', '--json');
  assert.equal(ran.code, 0, ran.err + ran.out);
  await temporal.client.workflow.getHandle(ran.json<{ workflowId: string }>().workflowId).result();
  assert.deepEqual(await rowsOf(env.STORED), ROWS);
  assert.match(
    readFileSync(join(root, 'plan.yaml'), 'utf8'),
    /@sql\/tables\.sql/,
    'no file was needed for it any more',
  );
});

test('a Workflow of one’s own says by `bases` what is in its database, of a database that it has', async () => {
  await direct(env.DB, OWN_BASE);
  const start = async (...args: Parameters<typeof basedNotes>) =>
    await temporal.client.workflow.start(basedNotes, { workflowId: temporal.unique('own'), taskQueue, args });
  await assert.rejects((await start('wrong', 'mian')).result(), (error: Error) =>
    /bases\.mian: there is no database of this name/.test(String((error.cause as Error | undefined)?.message)),
  );
  await (await start('own')).result();
  const after = (await checkpointsIn(join(root, 'own'))).find(({ tasks }) => tasks.some(({ id }) => id === 'row-1'));
  const place = ['--workspace', 'own-fork', '--database', 'main=${{ env.OWN }}', '--json'];
  const ran = await holdfast('fork', 'own', '--at', String(after!.seq), ...place);
  assert.equal(ran.code, 0, ran.err + ran.out);
  await temporal.client.workflow.getHandle(ran.json<{ workflowId: string }>().workflowId).result();
  const rows = (await direct(env.OWN, 'SELECT id, text FROM own ORDER BY id')).at(-1)!.rows;
  assert.deepEqual(
    rows,
    [1, 2].map((id) => ({ id, text: `row ${id}` })),
  );
});
