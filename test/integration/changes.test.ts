/** What a job changed, told by its record: the patch makes the new tree of the old one, byte for byte. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import * as z from 'zod';
import { exportJobToGit, jobChanges, jobPatch, type JobChangesOptions } from '../../src/changes.ts';
import { commandStep } from '../../src/model/step/built-in/command.ts';
import { dbSqlStep } from '../../src/model/step/built-in/database.ts';
import { fileCopyStep, fileWriteStep } from '../../src/model/step/built-in/file.ts';
import { defineStep, implementStep, openTestJob } from '../../src/testing.ts';
import { gitEnvironment } from '../support/git-environment.ts';

const root = mkdtempSync(join(tmpdir(), 'holdfast-changes-'));
after(() => rmSync(root, { recursive: true, force: true }));

const paths = ['a', 'b.txt', 'd/e', 'd/deep/f', 'odd näme', 'q"uote', ' space ', 'x'];
const contents: fc.Arbitrary<Buffer> = fc.oneof(
  fc
    .array(fc.constantFrom('one\n', 'two\n', 'three\r\n', '\n', 'no end', 'ümlaut\n', '-- x\n', '\u001b[1m\n'), {
      maxLength: 30,
    })
    .map((lines) => Buffer.from(lines.join(''))),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom('', '\n', '\ufeffmark\n').map((text) => Buffer.from(text)),
);
const entry = fc.oneof(
  { weight: 4, arbitrary: fc.record({ content: contents, mode: fc.constantFrom(0o644, 0o755) }) },
  { weight: 1, arbitrary: fc.record({ link: fc.constantFrom('a', 'd/e', 'nowhere') }) },
);
type Entry = typeof entry extends fc.Arbitrary<infer T> ? T : never;
const changed = fc.record({ path: fc.constantFrom(...paths), to: fc.option(entry) });
const jobs = fc.record({
  tree: fc.array(fc.record({ path: fc.constantFrom(...paths), to: entry }), { maxLength: 8 }),
  steps: fc.array(fc.array(changed, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 }),
});

function put(at: string, to: Entry): void {
  rmSync(at, { force: true });
  mkdirSync(dirname(at), { recursive: true });
  if ('link' in to) symlinkSync(to.link, at);
  else {
    writeFileSync(at, to.content);
    chmodSync(at, to.mode);
  }
}

/** Files, links and whether files may be executed: what git has. */
function treeOf(folder: string, prefix = ''): Record<string, string> {
  return Object.assign(
    {},
    ...readdirSync(join(folder, prefix))
      .filter((name) => name !== '.holdfast' && name !== '.git')
      .map((name) => {
        const place = join(prefix, name);
        const stat = lstatSync(join(folder, place));
        if (stat.isDirectory()) return treeOf(folder, place);
        if (stat.isSymbolicLink()) return { [place]: `→ ${readlinkSync(join(folder, place))}` };
        return { [place]: `${(stat.mode & 0o100) !== 0} ${readFileSync(join(folder, place)).toString('latin1')}` };
      }),
  ) as Record<string, string>;
}

const work = defineStep({ name: 'work', input: z.strictObject({ number: z.int() }), output: z.strictObject({}) });

async function patchFrom(workspace: string, options: JobChangesOptions): Promise<string> {
  const { patch, leftOut } = await jobPatch(workspace, options);
  assert.deepEqual(leftOut, []);
  return patch;
}

function git(folder: string, ...args: readonly string[]): string {
  const env = { ...gitEnvironment, GIT_CEILING_DIRECTORIES: root };
  return execFileSync('git', args, { cwd: folder, env, encoding: 'utf8' });
}

function apply(folder: string, patch: string): void {
  if (patch === '') return;
  const file = `${folder}.patch`;
  writeFileSync(file, patch);
  git(folder, 'apply', '--whitespace=nowarn', file);
}

test(
  'the patch makes the new tree of the old one, and each commit of the export is the tree after its step',
  { timeout: 120_000 },
  async () => {
    let count = 0;
    await fc.assert(
      fc.asyncProperty(jobs, async ({ tree, steps }) => {
        const place = join(root, String(count++));
        const [workspace, old] = [join(place, 'new'), join(place, 'old')];
        mkdirSync(workspace, { recursive: true });
        for (const { path, to } of tree) put(join(workspace, path), to);
        cpSync(workspace, old, { recursive: true, verbatimSymlinks: true });
        const code = implementStep(work, async (ctx, { number }) => {
          const last = new Map(steps[number]!.map(({ path, to }) => [path, to]));
          for (const [path, to] of last) {
            // A link can't be written by a step's own code; commands do.
            if (to !== null && 'content' in to) await ctx.files.write(path, to.content, { mode: to.mode });
            else if (lstatSync(join(workspace, path), { throwIfNoEntry: false }) !== undefined)
              await ctx.files.remove(path);
          }
          return {};
        });
        const job = openTestJob({ workspace, steps: [code] });
        const places: Record<string, string>[] = [];
        for (const number of steps.keys()) {
          await job.step(work, { number }, { stepId: `work-${number}` });
          places.push(treeOf(workspace));
        }
        await job.close();
        const { folder, leftOut } = await exportJobToGit(workspace, join(place, 'git'));
        assert.deepEqual(leftOut, []);
        const touched = new Set(steps.flat().map(({ path }) => path));
        const known = (files: Record<string, string>): unknown =>
          Object.fromEntries(Object.entries(files).filter(([path]) => touched.has(path)));
        for (const [number, expected] of [treeOf(old), ...places].entries()) {
          git(folder, 'checkout', '--quiet', `main~${places.length - number}`);
          assert.deepEqual(treeOf(folder), known(expected));
        }
        for (const [number, expected] of places.entries()) {
          const from = number === 0 ? {} : { from: `work-${number - 1}` };
          apply(old, await patchFrom(workspace, { ...from, to: `work-${number}` }));
          assert.deepEqual(treeOf(old), expected);
        }
        rmSync(place, { recursive: true });
      }),
      { numRuns: 5 },
    );
  },
);

const edit = defineStep({ name: 'edit', input: z.strictObject({}), output: z.strictObject({}) });

test('files, rows, statements and calls are told with who made them, also of a step alone or a range', async () => {
  const workspace = join(root, 'told');
  mkdirSync(workspace);
  writeFileSync(join(workspace, 'report.md'), 'draft\nsame\n');
  const code = implementStep(edit, async (ctx) => {
    await ctx.files.write('report.md', 'final\nsame\n');
    await ctx.db('main').insert('note', { id: 1, text: 'hello' });
    await ctx.perform('mail', { request: { to: 'ada' }, run: () => Promise.resolve('sent') });
    await ctx.command(['touch', 'touched']);
    return {};
  });
  const job = openTestJob({ workspace, steps: [code], databases: { main: 'sqlite:main.db' } });
  const sql = 'CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL)';
  await job.step(dbSqlStep, { database: 'main', sql, writes: ['note'] }, { stepId: 'table' });
  await job.step(edit, {}, { stepId: 'edit' });
  await job.step(fileWriteStep, { path: 'other.txt', content: 'x' }, { stepId: 'other' });
  await job.step(commandStep, { run: ['touch', 'here'], inPlace: true }, { stepId: 'in-place' });
  await job.close();
  const all = await jobChanges(workspace);
  assert.deepEqual(
    all.shown.map(({ resource, sign, by }) => [sign, resource, by.map(({ stepId }) => stepId).join()]),
    [
      ['A', 'file:here', 'in-place'],
      ['A', 'file:other.txt', 'other'],
      ['M', 'file:report.md', 'edit'],
      ['A', 'file:touched', 'edit'],
      ['A', 'row:main/note/{"id":1}', 'edit'],
      ['A', 'schema:main/note', 'table'],
    ],
  );
  assert.match(all.shown[2]!.difference!, /^-draft$\n^\+final$/m);
  assert.deepEqual(
    all.acts.map(({ kind, stepId, text }) => `${kind} of ${stepId}: ${text}`),
    [
      `statement of table: run SQL on main: ${sql}`,
      'call of edit: called mail: {"to":"ada"}',
      'command of edit: run touch touched: exit code 0; 1 written',
      'command of in-place: run touch here in the workspace: exit code 0; 1 changed',
    ],
  );
  const names = async (options: JobChangesOptions): Promise<readonly string[]> =>
    (await jobChanges(workspace, options)).shown.map(({ resource }) => resource);
  assert.deepEqual(await names({ steps: ['other'] }), ['file:other.txt']);
  assert.deepEqual(await names({ from: 'table', to: 'edit' }), [
    'file:report.md',
    'file:touched',
    'row:main/note/{"id":1}',
  ]);
  await assert.rejects(jobChanges(workspace, { steps: ['nobody'] }), {
    type: 'not-found',
    message: /^--step nobody: no step of this name is recorded\. Recorded are table, edit, other, in-place\.$/,
  });
  await assert.rejects(jobChanges(workspace, { from: '99' }), { type: 'not-found', message: /the record ends with/ });
  await assert.rejects(jobChanges(root), { type: 'not-found', message: /has no record of a job/ });
  await assert.rejects(exportJobToGit(workspace, workspace), { type: 'bad-input', message: /is not empty/ });
});

test('a file too large for a patch is left out and told; the export has it', async () => {
  const workspace = join(root, 'large');
  mkdirSync(workspace);
  const sizeBytes = 64 * 1024 * 1024 + 1;
  writeFileSync(join(workspace, 'from'), '');
  truncateSync(join(workspace, 'from'), sizeBytes);
  const job = openTestJob({ workspace });
  await job.step(fileCopyStep, { from: 'from', to: 'large' }, { stepId: 'copy' });
  await job.step(fileWriteStep, { path: 'small', content: 'x' }, { stepId: 'small' });
  await job.close();
  const { patch, leftOut } = await jobPatch(workspace);
  assert.deepEqual(leftOut, [{ path: 'large', why: 'larger than 64 MiB; `holdfast export --git` takes it along' }]);
  assert.match(patch, /^diff --git a\/small b\/small$/m);
  const exported = await exportJobToGit(workspace, join(root, 'large-git'));
  assert.deepEqual(exported.leftOut, []);
  assert.deepEqual(readFileSync(join(root, 'large-git', 'large')), readFileSync(join(workspace, 'large')));
  // What failed leaves nothing that would be in the way of the next try.
  const path = process.env['PATH'];
  process.env['PATH'] = root;
  try {
    await assert.rejects(exportJobToGit(workspace, join(root, 'no-git')), /There is no git on this machine/);
  } finally {
    process.env['PATH'] = path;
  }
  await exportJobToGit(workspace, join(root, 'no-git'));
});

test('a commit is named by its step, and by its code where the name does not say it', async () => {
  const importing = defineStep({ name: 'importing', input: z.strictObject({}), output: z.strictObject({}) });
  const code = implementStep(importing, async (ctx) => {
    await ctx.step('order/999', null, (sub) => sub.files.write('999.txt', 'x'));
    await ctx.step(edit, {});
    await ctx.step(edit, {}, { name: 'again' });
    return {};
  });
  await using job = openTestJob({ steps: [code, implementStep(edit, () => ({}))] });
  await job.step(importing, {}, { stepId: 'orders' });
  await job.step(edit, {}, { stepId: 'edit' });
  const { folder } = await exportJobToGit(job.workspace, join(root, 'subjects'));
  assert.deepEqual(git(folder, 'log', '--reverse', '--format=%s').trim().split('\n').slice(1), [
    'orders:order/999',
    'orders:edit',
    'orders:again (edit)',
    'orders (importing)',
    'edit',
  ]);
});
