/** The bytes of files that a step writes: text in any encoding, what a path leads to, what hangs on a file. */
import assert from 'node:assert/strict';
import { linkSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { free, testCommandingJob } from '../support/commanding-job.ts';
import { WorkspaceInspection } from '../../src/protocol/inspect/inspection.ts';
import type { Question } from '../../src/model/question/question.ts';
import { openTestJob } from '../../src/testing.ts';
import { comparedQuestion, questionFrom } from '../support/questions.ts';

const tested = testCommandingJob();
const doFree = (stepId: string, more = {}): Promise<unknown> =>
  tested.job.step(free, {}, { stepId, maxAttempts: 1, ...more });

test('text that is not UTF-8 is refused by name, or read and written as what it is; a mark stays', async () => {
  const latin = Buffer.from('x = 1\n# caf\xe9\n', 'latin1');
  writeFileSync(tested.at('latin.py'), latin);
  tested.code = async ({ files }) => files.write('latin.py', await files.readText('latin.py'));
  const [finding] = (await questionFrom(doFree('blind'))).findings;
  assert.match(finding!.found.text, /^bad-input: latin\.py is not UTF-8 text \(byte 0xe9 at 11, counted from 0\)/);
  assert.deepEqual(readFileSync(tested.at('latin.py')), latin);

  writeFileSync(tested.at('marked.txt'), '\ufeffone\n');
  writeFileSync(tested.at('wide.txt'), Buffer.from('\ufeffone ü\n', 'utf16le'));
  tested.code = async ({ files }) => {
    const source = await files.readText('latin.py', { encoding: 'latin1' });
    await files.write('latin.py', source.replace('x = 1', 'x = 2'), { encoding: 'latin1' });
    await files.write('marked.txt', (await files.readText('marked.txt')).replace('one', 'two'));
    const wide = await files.readText('wide.txt', { encoding: 'utf-16le' });
    await files.write('wide.txt', wide.replace('one', 'two'), { encoding: 'utf-16le' });
  };
  await doFree('knowing');
  assert.deepEqual(readFileSync(tested.at('latin.py')), Buffer.from('x = 2\n# caf\xe9\n', 'latin1'));
  assert.equal(tested.text('marked.txt'), '\ufefftwo\n');
  assert.deepEqual(readFileSync(tested.at('wide.txt')), Buffer.from('\ufefftwo ü\n', 'utf16le'));
});

test('text that an encoding has no bytes for is refused', async () => {
  for (const [text, encoding, why] of [
    ['5 €', 'latin1', /Latin-1 has no byte for/],
    ['half \ud83d', 'utf-16le', /lone surrogate/],
    ['half \ud83d', 'utf-8', /lone surrogate/],
    ['x', 'koi8-r', /not an encoding that a step can name/],
  ] as const) {
    tested.code = (ctx) => ctx.files.write('a.txt', text, { encoding: encoding as 'latin1' });
    const [finding] = (await questionFrom(doFree(`refused ${encoding}`))).findings;
    assert.match(finding!.found.text, why);
  }
});

test('an approval shows that a file changes its encoding', async () => {
  writeFileSync(tested.at('latin.txt'), Buffer.from('caf\xe9\n', 'latin1'));
  tested.code = (ctx) => ctx.files.write('latin.txt', 'café\n');
  const [finding] = (await questionFrom(doFree('approved', { approval: 'before-apply' }))).findings;
  assert.match(finding!.difference, /encoding not UTF-8 → UTF-8; [\s\S]*\n-caf<E9>\n\+café\n/);
  assert.match(finding!.difference, /\b1 line would be added, 1 removed\b/);
});

test('a file with other names is written only by a step that says so, never into by a command', async () => {
  const reset = (): void => {
    for (const name of ['a.txt', 'b.txt']) rmSync(tested.at(name), { force: true });
    writeFileSync(tested.at('a.txt'), 'old\n');
    linkSync(tested.at('a.txt'), tested.at('b.txt'));
  };
  const both = (): string => tested.text('a.txt') + tested.text('b.txt');
  reset();
  tested.code = ({ files }) => files.write('a.txt', 'new\n');
  const [written] = (await questionFrom(doFree('plain'))).findings;
  assert.match(written!.found.text, /^bad-input: a\.txt has 2 names \(hard links\).*\{ hardLinks: 'split' \}/);
  assert.match(await tested.refused('bad-input', 'echo new > a.txt'), /which has 2 names \(hard links\)/);
  assert.equal(both(), 'old\nold\n');

  tested.code = ({ files }) => files.write('a.txt', 'new\n', { hardLinks: 'split' });
  await doFree('split');
  assert.equal(both(), 'new\nold\n');
  rmSync(tested.at('a.txt'));
});

test('other names of a file that is replaced or removed are named before it, and when it is undone', async () => {
  for (const [one, other] of [
    ['a.txt', 'b.txt'],
    ['c.txt', 'd.txt'],
    ['e.txt', 'f.txt'],
  ] as const) {
    tested.put(one, 'old\n');
    linkSync(tested.at(one), tested.at(other));
  }
  tested.code = async ({ files }) => {
    await files.write('a.txt', 'new\n', { hardLinks: 'split' });
    await files.remove('c.txt');
  };
  const more = { approval: 'before-apply' } as const;
  const asked = await questionFrom(doFree('split', more));
  assert.match(asked.findings[0]!.difference, /replace a\.txt \(4 bytes\); its other name \(hard link\) keeps the old/);
  assert.match(asked.findings[0]!.difference, /remove c\.txt; its other name \(hard link\) keeps the old content/);
  await tested.decide(asked, { answer: 'approve' });
  await doFree('split', more);
  await tested.run('echo new > g && mv g e.txt', {}, { stepId: 'command' });
  tested.code = ({ files }) => files.write('own.txt', 'own\n');
  await doFree('own');
  linkSync(tested.at('own.txt'), tested.at('later.txt'));

  await using inspection = await WorkspaceInspection.open(tested.job.workspace, {});
  const previews = await inspection.undoPreview(tested.job.jobId, new Map());
  const { left } = await tested.job.undo();
  const why = 'it is a file of its own now: its other name (hard link) is not joined with it again';
  assert.deepEqual(
    previews.flatMap(({ leaves }) => leaves),
    ['e', 'c', 'a'].map((name) => ({ what: `file:${name}.txt`, why })),
  );
  assert.deepEqual(left, [
    { stepId: 'own', what: 'file:own.txt', why: 'its other name (hard link) keeps what it held before the undoing' },
    { stepId: 'command', what: 'file:e.txt', why },
    { stepId: 'split', what: 'file:c.txt', why },
    { stepId: 'split', what: 'file:a.txt', why },
  ]);
  for (const name of 'abcdef') assert.equal(tested.text(`${name}.txt`), 'old\n');
  assert.equal(tested.text('later.txt'), 'own\n');
});

test('a name that a file is given while an approval waits is told before the file is split from it', async () => {
  tested.put('a.txt', 'old\n');
  tested.code = ({ files }) => files.write('a.txt', 'new\n', { hardLinks: 'split' });
  const more = { approval: 'before-apply' } as const;
  const first = await questionFrom(doFree('split', more));
  assert.doesNotMatch(first.findings[0]!.difference, /hard link/);
  linkSync(tested.at('a.txt'), tested.at('b.txt'));
  await tested.decide(first, { answer: 'approve' });
  const second = await questionFrom(doFree('split', more));
  assert.equal(tested.text('a.txt'), 'old\n');
  assert.match(
    second.findings[0]!.difference,
    /replace a\.txt \(4 bytes\); its other name \(hard link\) keeps the old/,
  );
  await tested.decide(second, { answer: 'approve' });
  await doFree('split', more);
  assert.equal(tested.text('a.txt') + tested.text('b.txt'), 'new\nold\n');
});

test('a restore and a rerun say which other names keep what the file held', async () => {
  tested.put('a.txt', 'old\n');
  linkSync(tested.at('a.txt'), tested.at('b.txt'));
  tested.code = ({ files }) => files.write('a.txt', 'new\n', { hardLinks: 'split' });
  await doFree('split');
  const drift = async (): Promise<Question> => {
    tested.put('a.txt', 'theirs\n');
    rmSync(tested.at('theirs.txt'), { force: true });
    linkSync(tested.at('a.txt'), tested.at('theirs.txt'));
    return await comparedQuestion(tested.job);
  };
  const restored = await tested.decide(await drift(), { answer: 'restore' });
  assert.match(restored.join('\n'), /file:a\.txt: put back; its other name \(hard link\) keeps what it held/);
  const again = await tested.decide(await drift(), { answer: 'rerun' });
  assert.match(again.join('\n'), /file:a\.txt: put back; its other name \(hard link\) keeps what it held/);
  assert.match(again.join('\n'), /file:a\.txt: it is a file of its own now: .* not joined with it again/);
});

test('a command that replaces a file with other names splits it, as it would in the workspace itself', async () => {
  writeFileSync(tested.at('a.txt'), 'old\n');
  linkSync(tested.at('a.txt'), tested.at('b.txt'));
  await tested.run('echo new > c && mv c a.txt');
  assert.equal(tested.text('a.txt') + tested.text('b.txt'), 'new\nold\n');
});

test('a backslash in a name is a character like any other, for steps, commands, questions and undoing', async () => {
  const name = String.raw`in/back\slash`;
  tested.put(name, 'old\n');
  tested.put('in/back/slash', 'another\n');
  tested.code = async ({ files }) => {
    await files.write(name, `${await files.readText(name)}new\n`);
    await files.write(String.raw`made\here/a`, 'made\n');
  };
  await doFree('write');
  const quoted = `'${name}'`;
  await tested.run(`echo more >> ${quoted}; touch 'in/a\\'`, { paths: ['in/back?slash'] }, { stepId: 'command' });
  assert.equal(tested.text(name), 'old\nnew\nmore\n');

  tested.put(name, 'theirs\n');
  const drifted = await comparedQuestion(tested.job);
  const [finding] = drifted.findings;
  assert.equal(finding!.resource, `file:${name}`);
  await tested.decide(drifted, { items: { [`file:${name}`]: 'restore' } });
  assert.equal(tested.text(name), 'old\nnew\nmore\n');

  assert.deepEqual((await tested.job.undo()).left, []);
  assert.equal(tested.text(name) + tested.text('in/back/slash'), 'old\nanother\n');
  assert.deepEqual(readdirSync(tested.at('')).sort(), ['.holdfast', 'in']);
  assert.deepEqual(readdirSync(tested.at('in')).sort(), ['back', String.raw`back\slash`]);
});

test('a path of a plan holds no backslash, from wherever the plan has it', async () => {
  const plan = (use: string, fields: object): object => ({
    schemaVersion: 1,
    name: 'paths',
    workspace: '.',
    http: { hosts: ['http://127.0.0.1:1'] },
    input: { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] },
    steps: [{ id: 's', use, with: fields, retry: { maxAttempts: 1 } }],
  });
  const from = '${{ input.path }}';
  const url = 'http://127.0.0.1:1/';
  for (const one of [
    plan('file.write', { path: from, content: 'x' }),
    plan('file.copy', { from, to: 'a' }),
    plan('file.copy', { from: 'a', to: from }),
    plan('file.remove', { path: from }),
    plan('http', { url, saveTo: from }),
  ]) {
    await using job = openTestJob();
    const [finding] = (await questionFrom(job.runPlan(one, { path: String.raw`docs\out.md` }))).findings;
    assert.match(finding!.found.text, /^bad-input: The path "docs\\\\out\.md" holds a backslash: write \/ between/);
  }
});

test('a link is never followed: a read is refused, a write is shown to replace it, undoing restores it', async () => {
  writeFileSync(tested.at('real.txt'), 'real\n');
  symlinkSync('real.txt', tested.at('link.txt'));
  tested.code = ({ files }) => files.readText('link.txt');
  const [read] = (await questionFrom(doFree('read'))).findings;
  assert.match(read!.found.text, /^bad-input: link\.txt is a symlink, not a file: name the file .* \("real\.txt"\)/);
  tested.code = ({ files }) => files.write('link.txt', 'new\n');
  const asked = await questionFrom(doFree('write', { approval: 'before-apply' }));
  assert.match(asked.findings[0]!.difference, /a symbolic link to "real\.txt" would be replaced by a file/);
  await tested.decide(asked, { answer: 'approve' });
  await doFree('write', { approval: 'before-apply' });
  assert.equal(tested.text('link.txt') + tested.text('real.txt'), 'new\nreal\n');
  await tested.job.undo();
  assert.equal(readlinkSync(tested.at('link.txt')) + tested.text('real.txt'), 'real.txtreal\n');
});

test('a name that is not Unicode stands in no way of what leaves it alone, and is listed as what it is', async () => {
  const odd = Buffer.concat([Buffer.from(tested.at('in/')), Buffer.from([0x63, 0xe9])]);
  tested.put('in/a.txt', 'a\n');
  tested.put('back\\slash', 'b\n');
  writeFileSync(odd, 'odd\n');
  await tested.run('echo new > in/a.txt');
  await tested.run('echo in place > in/a.txt', { inPlace: true }, { stepId: 'in-place' });
  await tested.run('rm -r in', {}, { stepId: 'removal' });
  assert.equal(readFileSync(odd, 'utf8'), 'odd\n', 'what a command was not given it cannot remove');
  tested.code = async ({ files }) => ({ listed: await files.list('', { recursive: true }) });
  const { listed } = (await doFree('list')) as { listed: unknown };
  assert.deepEqual(listed, [
    { path: 'back\\slash', kind: 'file', sizeBytes: 2 },
    { path: 'in', kind: 'directory', sizeBytes: 0 },
    { path: 'in/c\ufffd', kind: 'file', sizeBytes: 4, isUnnameable: true },
  ]);
});
