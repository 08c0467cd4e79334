/**
 * Other programs work in the folder of a job, while it waits for a person and while a step runs: git, rsync, a
 * formatter, a backup. What only reads is no matter; what changes something is named, and decided.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { gitEnvironment } from '../support/git-environment.ts';
import { linesOf } from '../support/killing.ts';
import { sqliteRows } from '../support/sqlite.ts';
import { testTemporal } from '../support/temporal.ts';
import { untilTrue } from '../support/until.ts';
import { visit, VisitedJob } from './support/visited-job.ts';

const temporal = await testTemporal();
const jobs: VisitedJob[] = [];
const LIMIT = { timeout: 400_000 };
/** Time for a busy machine to begin the next step: begun later, it has the world compared, and then a minute. */
const VERIFY_AFTER_MS = 4_000;
const withoutRsync = spawnSync('rsync', ['--version']).status === 0 ? false : 'no rsync here: apt-get install rsync';
const FORMATTER = join(import.meta.dirname, '../../node_modules/oxfmt/bin/oxfmt');

after(async () => {
  for (const job of jobs) await job.remove();
});

interface Program {
  readonly name: string;
  /** As a person types it in the workspace; `$OUT` is a folder beside it. */
  readonly types: string;
  readonly skip?: string | false;
  /** What is asked then, and the answers. Default: nothing. */
  readonly asked?: Readonly<Record<string, readonly [kind: string, answer: string]>>;
}

const BACKUP: Program = {
  name: 'a backup that reads everything (tar, cp -a, cat)',
  types:
    'tar cf "$OUT/all.tar" . && cp -a . "$OUT/copied" && find . -type f -exec cat {} + > /dev/null && ' +
    'find . -exec touch -a -d "2001-01-01" {} +',
};
const SWITCH: Program = {
  name: 'git switch to a branch with another input',
  types: 'git switch -q other',
  asked: { 'file:src.txt': ['changed', 'accept'] },
};
const CHECKOUT: Program = {
  name: 'git checkout -f back, over what the job wrote',
  types: 'git checkout -q -f main',
  asked: { 'file:src.txt': ['changed', 'accept'], 'file:tracked.txt': ['changed', 'restore'] },
};
const STASH: Program = {
  name: 'git stash',
  types: 'git stash -q',
  asked: { 'file:tracked.txt': ['changed', 'restore'] },
};
const FORMAT: Program = {
  name: 'a formatter on save',
  types: `"${process.execPath}" "${FORMATTER}" code.ts`,
  asked: { 'file:code.ts': ['changed', 'accept'] },
};
const FILES_OF_THE_JOB = ['a.txt', 'derived.txt', 'code.ts'];
const allMissing = (more: readonly string[]): NonNullable<Program['asked']> =>
  Object.fromEntries([...FILES_OF_THE_JOB, ...more].map((name) => [`file:${name}`, ['missing', 'restore']] as const));
const clean = (more: readonly string[]): Program => ({
  name: 'git clean -fdx that spares the record and the database',
  types: "git clean -q -fdx -e .holdfast -e 'main.db*'",
  asked: allMissing(more),
});
const mirror = (more: readonly string[]): Program => ({
  name: 'rsync -a --delete of a template',
  types: 'rsync -a --delete --exclude .git --exclude .holdfast --exclude \'main.db*\' "$OUT/template/" ./',
  skip: withoutRsync,
  asked: { ...allMissing(more), 'file:tracked.txt': ['changed', 'restore'] },
});

const write = (path: string, content: string, needs: readonly string[]): object => ({
  id: path.split('.')[0],
  use: 'file.write',
  with: { path, content },
  needs,
});
const BEGINNING = [
  visit('a', 1, []),
  { id: 'derived', use: 'file.copy', with: { from: 'src.txt', to: 'derived.txt' }, needs: ['a'] },
  write('tracked.txt', 'the job was here\n', ['derived']),
  write('code.ts', 'const   x=1', ['tracked']),
];

/** In a repository with two branches. */
async function aJob(): Promise<VisitedJob> {
  const job = new VisitedJob(temporal);
  jobs.push(job);
  mkdirSync(job.beside('out'));
  for (const folder of [job.workspace, join(job.beside('out'), 'template')]) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'src.txt'), 'source\n');
    writeFileSync(join(folder, 'tracked.txt'), 'tracked\n');
    writeFileSync(join(folder, '.gitignore'), 'main.db*\n');
  }
  types(
    job,
    'git init -q -b main && git add . && git commit -q -m first && git switch -q -c other && echo other > src.txt && ' +
      'git commit -q -a -m other && git switch -q main',
  );
  await job.startWorker();
  return job;
}

function types(job: VisitedJob, line: string): void {
  const env = { ...process.env, ...gitEnvironment, OUT: job.beside('out') };
  execFileSync('sh', ['-ec', line], { cwd: job.workspace, env, stdio: 'pipe' });
}

async function isDecided(job: VisitedJob, { name, asked }: Program): Promise<void> {
  if (asked === undefined) return;
  const question = await job.asked('discrepancy');
  assert.deepEqual(
    Object.fromEntries(question.findings.map(({ resource, kind }) => [resource, kind])),
    Object.fromEntries(Object.entries(asked).map(([resource, [kind]]) => [resource, kind])),
    name,
  );
  const items = Object.fromEntries(Object.entries(asked).map(([resource, [, answer]]) => [resource, answer]));
  await job.answer(question, { items });
}

function eachOnce(job: VisitedJob, visited: readonly string[]): void {
  assert.deepEqual(job.calls(), visited, 'each call once');
  const rows = sqliteRows(job.at('main.db'), 'SELECT id FROM audit');
  assert.equal(rows.length, visited.length, 'each row once');
  assert.equal(job.text('tracked.txt'), 'the job was here\n');
}

test('while a job waits for a person: each change is named and decided, reading is no matter', LIMIT, async (t) => {
  const job = await aJob();
  const programs = [
    BACKUP,
    SWITCH,
    CHECKOUT,
    STASH,
    clean(['p1.txt', 'p2.txt', 'p3.txt', 'p4.txt']),
    mirror(['p1.txt', 'p2.txt', 'p3.txt', 'p4.txt', 'p5.txt']),
    FORMAT,
  ].filter(({ skip }) => skip === undefined || skip === false);
  const pauses = programs.map((_, index) => ({
    ...write(`p${index + 1}.txt`, 'pause\n', [index === 0 ? 'code' : `p${index}`]),
    approval: 'before-apply',
  }));
  await job.start({ steps: [...BEGINNING, ...pauses] });
  let decided = 0;
  for (const [index, program] of programs.entries())
    await t.test(program.name, async () => {
      const approval = await job.asked('approval');
      assert.equal(approval.stepId, `p${index + 1}`);
      types(job, program.types);
      await job.answer(approval, { answer: 'approve' });
      await isDecided(job, program);
      decided += 1;
    });
  assert.equal(decided, programs.length);
  await job.handle.result();
  eachOnce(job, ['a']);
  assert.equal(job.text('code.ts'), 'const x = 1;\n', 'the formatted one was accepted');
});

test('while a step runs: what changed is asked before the step is applied, and the job ends', LIMIT, async (t) => {
  const job = await aJob();
  const programs = [BACKUP, SWITCH, CHECKOUT, STASH, clean(['h1.txt', 'h2.txt', 'h3.txt', 'h4.txt']), FORMAT];
  const ids = programs.map((_, index) => `h${index + 1}`);
  const running = ids.map((id, index) => visit(id, 10 + index, [index === 0 ? 'code' : `h${index}`], hold(id, index)));
  // A comparison is due whenever one of them comes to apply.
  await job.start({ steps: [...BEGINNING, ...running], verifyAfterMinutes: VERIFY_AFTER_MS / 60_000 });
  let decided = 0;
  for (const [index, program] of programs.entries())
    await t.test(program.name, async () => {
      const id = ids[index]!;
      await untilTrue(() => linesOf(join(job.outside, 'runs')).includes(id), { what: `${id} runs`, limitMs: 60_000 });
      types(job, program.types);
      // Sooner the latest comparison would still count.
      await delay(VERIFY_AFTER_MS + 200);
      writeFileSync(join(job.outside, `go-on ${id}`), '');
      await isDecided(job, program);
      decided += 1;
    });
  assert.equal(decided, programs.length);
  await job.handle.result();
  eachOnce(job, ['a', ...ids]);
});

function hold(id: string, index: number): object {
  return { with: { id, row: 10 + index, hold: true } };
}

test('git clean -fdx takes the record along: it is a lost record, and goes on once it is back', LIMIT, async () => {
  const job = await aJob();
  await job.start({ steps: [...BEGINNING, { ...write('p1.txt', 'pause\n', ['code']), approval: 'before-apply' }] });
  const approval = await job.asked('approval');
  types(job, 'cp -a . "$OUT/backup" && git clean -q -fdx');
  assert.ok(!existsSync(job.at('.holdfast')) && !existsSync(job.at('main.db')));
  await job.answer(approval, { answer: 'approve' });
  const question = await job.asked('damaged');
  assert.deepEqual(
    question.findings.map(({ kind }) => kind),
    ['ledger-missing'],
  );
  assert.deepEqual(
    existsSync(job.at('.holdfast')) ? readdirSync(job.at('.holdfast'), { recursive: true }) : [],
    [],
    'nothing is made in its place',
  );
  types(job, 'cp -a "$OUT/backup/." .');
  await job.answer(question, { answer: 'recheck' });
  await job.approve();
  await job.handle.result();
  eachOnce(job, ['a']);
});
