/** `ctx.command` on a private copy, without a Temporal server: what it changed is applied as a whole, or nothing is. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { isFailure } from '../../src/model/failure.ts';
import type { CommandResult } from '../../src/model/step/command-result.ts';
import { openTestJob } from '../../src/testing.ts';
import { shell, shellSteps } from '../support/command-step.ts';
import { env, free, testCommandingJob } from '../support/commanding-job.ts';
import { questionFrom } from '../support/questions.ts';
import { snapshotFiles } from '../support/snapshot.ts';

const commanding = testCommandingJob();

test('what a command changes is applied: contents, files, modes, symbolic links, folders, empty ones too', async () => {
  commanding.put('src/a.txt', 'hello\n');
  commanding.put('src/tool.sh', '#!/bin/sh\n', 0o644);
  commanding.put('gone/deep/x.txt', 'x');
  commanding.put('kept.txt', 'kept');
  mkdirSync(commanding.at('empty'));
  symlinkSync('src/a.txt', commanding.at('link'));
  const result = await commanding.run(
    'sed -i s/hello/bye/ src/a.txt && chmod 755 src/tool.sh && rm -r gone empty && mkdir -p new/empty && ' +
      'chmod 700 new && echo new > new/f.txt && ln -s ../src new/link && ln -sfn kept.txt link && echo out ' +
      '&& echo err >&2',
  );
  assert.equal(commanding.text('src/a.txt'), 'bye\n');
  assert.equal(statSync(commanding.at('src/tool.sh')).mode & 0o7777, 0o755);
  assert.deepEqual(readdirSync(commanding.job.workspace).sort(), ['.holdfast', 'kept.txt', 'link', 'new', 'src']);
  assert.equal(readlinkSync(commanding.at('link')), 'kept.txt');
  assert.equal(readlinkSync(commanding.at('new/link')), '../src');
  assert.equal(statSync(commanding.at('new')).mode & 0o7777, 0o700);
  assert.deepEqual(readdirSync(commanding.at('new/empty')), []);
  assert.deepEqual(
    { exitCode: result.exitCode, stdout: result.stdout, stderr: result.stderr, changed: result.changed },
    { exitCode: 0, stdout: 'out\n', stderr: 'err\n', changed: { written: 3, removed: 4, folders: 2, links: 2 } },
  );
  assert.deepEqual(commanding.copies(), []);
});

test('a file becomes a folder and a folder a file', async () => {
  commanding.put('was-file', 'f');
  commanding.put('was-folder/in/x.txt', 'x');
  await commanding.run(
    'rm was-file && mkdir was-file && echo 1 > was-file/x && rm -r was-folder && echo 2 > was-folder',
  );
  assert.equal(commanding.text('was-file/x'), '1\n');
  assert.equal(commanding.text('was-folder'), '2\n');
});

test('a folder that a command locks is locked last; a new locked one is refused first, except for root', async () => {
  commanding.put('d/f', 'one');
  await commanding.run('echo two > d/f; echo new > d/g; chmod 555 d');
  assert.deepEqual(
    [commanding.text('d/f'), commanding.text('d/g'), statSync(commanding.at('d')).mode & 0o7777],
    ['two\n', 'new\n', 0o555],
  );
  const line = 'mkdir e && echo x > e/f && chmod 555 e';
  if (process.getuid?.() === 0) {
    await commanding.run(line);
    assert.deepEqual([commanding.text('e/f'), statSync(commanding.at('e')).mode & 0o7777], ['x\n', 0o555]);
  } else
    assert.match(
      await commanding.refused('permission-denied', line),
      /"e\/f" is in a folder that its owner may not write to \(mode 555\)/,
    );
  chmodSync(commanding.at('d'), 0o755);
});

test('a change that puts size and modification time back is seen', async () => {
  commanding.put('a.txt', 'one');
  utimesSync(commanding.at('a.txt'), 1_000_000_000, 1_000_000_000);
  await commanding.run('printf two > a.txt && touch -d @1000000000 a.txt');
  assert.equal(commanding.text('a.txt'), 'two');
});

test('what is only touched is no change', async () => {
  commanding.put('a.txt', 'one');
  const before = lstatSync(commanding.at('a.txt'));
  const { changed } = await commanding.run('touch a.txt && cp a.txt b && mv b a.txt');
  assert.deepEqual(changed, { written: 0, removed: 0, folders: 0, links: 0 });
  assert.equal(lstatSync(commanding.at('a.txt')).ino, before.ino);
});

test('the copy keeps modes, times, links, empty folders and ignored files', async () => {
  commanding.put('.gitignore', 'secret.txt\n');
  commanding.put('secret.txt', 'ignored, not lost');
  commanding.put('bin/run', '#!/bin/sh\necho ran\n', 0o750);
  mkdirSync(commanding.at('empty'));
  symlinkSync('bin/run', commanding.at('link'));
  utimesSync(commanding.at('bin/run'), 1_234_567_890, 1_234_567_890);
  const { stdout } = await commanding.run(
    'stat -c "%n %a %Y %F" bin/run && stat -c "%n %a %F" empty && readlink link && cat secret.txt && ./link',
  );
  assert.equal(stdout, 'bin/run 750 1234567890 regular file\nempty 755 directory\nbin/run\nignored, not lostran\n');
});

test('a command sees what its step has staged, and the step what the command made of it', async () => {
  commanding.put('old.txt', 'old');
  commanding.code = async (ctx) => {
    await ctx.files.write('in/data.txt', 'one\n', { mode: 0o600 });
    await ctx.files.remove('old.txt');
    const first = await ctx.command([
      'sh',
      '-c',
      'cat in/data.txt; stat -c %a in/data.txt; ls; echo two >> in/data.txt; mkdir made; ln -s made link',
    ]);
    const second = await ctx.command('cat in/data.txt && rm -r made && echo 3 > three', { shell: true });
    return {
      first: first.stdout,
      second: second.stdout,
      read: await ctx.files.readText('in/data.txt'),
      exists: [await ctx.files.exists('made'), await ctx.files.exists('three')],
      list: (await ctx.files.list()).map(({ path, kind }) => `${path} ${kind}`),
    };
  };
  assert.deepEqual(await commanding.job.step(free, {}), {
    first: 'one\n600\nin\n',
    second: 'one\ntwo\n',
    read: 'one\ntwo\n',
    exists: [false, true],
    list: ['link symlink', 'three file'],
  });
  assert.equal(commanding.text('in/data.txt'), 'one\ntwo\n');
  assert.equal(existsSync(commanding.at('made')), false);
  assert.equal(existsSync(commanding.at('old.txt')), false);
});

test('paths: it is given no more; what it was not given stays, and is not written over', async () => {
  commanding.put('src/a.ts', 'a');
  commanding.put('src/deep/b.ts', 'b');
  commanding.put('src/deep/c.md', 'c');
  commanding.put('other.txt', 'other');
  const { stdout } = await commanding.run('find . -type f | sort && rm -r src && mkdir -p out && echo built > out/x', {
    paths: ['src/**/*.ts', 'out'],
  });
  assert.equal(stdout, './src/a.ts\n./src/deep/b.ts\n');
  assert.deepEqual(
    [
      existsSync(commanding.at('src/a.ts')),
      existsSync(commanding.at('src/deep/b.ts')),
      commanding.text('src/deep/c.md'),
      commanding.text('out/x'),
    ],
    [false, false, 'c', 'built\n'],
  );
  assert.match(
    await commanding.refused('bad-input', 'echo mine > other.txt', { paths: ['src'] }),
    /"other.txt", which is not among its paths/,
  );
});

test('before-apply shows the exact difference of the trees; what was approved is applied', async () => {
  commanding.put('a.txt', 'one\ntwo\n');
  commanding.put('run.sh', '#!/bin/sh\n');
  commanding.put('gone/x', 'x\n');
  const work = (): Promise<CommandResult> =>
    commanding.run(
      'sed -i s/two/2/ a.txt && chmod +x run.sh && rm -r gone && ln -s a.txt l && mkdir new',
      {},
      { approval: 'before-apply', stepId: 'careful' },
    );
  const question = await questionFrom(work());
  const [finding] = question.findings;
  for (const line of [
    'remove gone/x',
    'remove folder gone/',
    'replace a.txt (6 bytes)',
    '-two',
    '+2',
    'create symbolic link l → a.txt',
    'create folder new/',
    'change the mode of run.sh to 0755',
  ]) {
    assert.ok(finding!.difference.includes(line), `${line} in:\n${finding!.difference}`);
  }
  assert.equal(commanding.text('a.txt'), 'one\ntwo\n');
  await commanding.job.decide(question, { answer: 'approve' });
  await work();
  assert.equal(commanding.text('a.txt'), 'one\n2\n');
});

test('a rerun undoes what the command had changed: contents, modes, links and folders are back', async () => {
  commanding.put('a.txt', 'one\n');
  commanding.put('gone/deep/x', 'x\n', 0o600);
  chmodSync(commanding.at('gone'), 0o750);
  symlinkSync('a.txt', commanding.at('link'));
  commanding.put('input', '1');
  const plain = (): Record<string, string> =>
    Object.fromEntries(
      Object.entries(snapshotFiles(commanding.job.workspace)).map(([path, state]) => [
        path,
        state.replace(/ [\d.]+$/, ''),
      ]),
    );
  const before = plain();
  const work = (): Promise<CommandResult> =>
    commanding.run(
      'test "$(cat input)" = 1 || exit 0; echo 2 >> a.txt && rm -r gone && mkdir -p new/deep && echo n > ' +
        'new/deep/n && ln -sfn new link && chmod 700 new',
      { reads: ['input'] },
      { stepId: 'step' },
    );
  await work();
  writeFileSync(commanding.at('input'), '2');
  const result = await commanding.job.verify('asked', 'by the test');
  assert.equal(result.kind, 'question');
  if (result.kind !== 'question') return;
  assert.deepEqual(
    result.question.findings.map(({ resource, staleSteps }) => ({ resource, staleSteps })),
    [{ resource: 'file:input', staleSteps: ['step'] }],
  );
  await commanding.job.decide(result.question, { answer: 'rerun' });
  await work();
  const after = plain();
  assert.deepEqual({ ...after, input: '' }, { ...before, input: '' });
});

test('a command that writes into the workspace itself is refused; nothing of it is applied', async () => {
  commanding.put('a.txt', 'a');
  commanding.put('b.txt', 'b');
  await delay(150);
  for (const line of [
    `echo evil > ${commanding.at('a.txt')}; echo x > b.txt`,
    `echo evil > ${commanding.at('new.txt')}; echo x > b.txt`,
    `rm -f ${commanding.at('a.txt')}; echo x > b.txt`,
  ]) {
    const question = await questionFrom(commanding.run(line, {}, { maxAttempts: 1 }));
    assert.match(
      question.findings[0]!.difference,
      /While the command ran on its copy, the workspace itself was changed: (a|new)\.txt/,
    );
    assert.equal(commanding.text('b.txt'), 'b');
    commanding.put('a.txt', 'a');
    await commanding.job.decide(question, { answer: 'rerun' });
    await delay(150);
  }
});

test('a file that the record knows and that is changed meanwhile is a discrepancy, shown as one', async () => {
  await commanding.run('echo recorded > a.txt');
  const question = await questionFrom(commanding.run(`echo evil > ${commanding.at('a.txt')}; echo x > b.txt`));
  assert.deepEqual(
    [question.kind, question.findings.map(({ resource, kind }) => `${resource} ${kind}`)],
    ['discrepancy', ['file:a.txt changed']],
  );
  assert.equal(existsSync(commanding.at('b.txt')), false);
});

test('a discrepancy is found before a command runs although another recorded file cannot be looked at', async () => {
  await commanding.run('mkdir z; echo recorded | tee a.txt > z/b.txt');
  commanding.code = async (ctx) => {
    commanding.put('a.txt', 'evil');
    rmSync(commanding.at('z'), { recursive: true });
    symlinkSync('/', commanding.at('z'));
    return await ctx.command(['true']);
  };
  const question = await questionFrom(commanding.job.step(free, {}, { stepId: 'f' }));
  assert.deepEqual(
    question.findings.map(({ resource, kind }) => `${resource} ${kind}`).filter((line) => line.startsWith('file:a')),
    ['file:a.txt changed'],
  );
});

test('a file that others change while the command runs is no obstacle where othersChange names it', async () => {
  commanding.put('logs/server.log', 'a\n');
  await commanding.run(`echo b >> ${commanding.at('logs/server.log')}; echo x > out.txt`, { othersChange: ['logs'] });
  assert.deepEqual([commanding.text('logs/server.log'), commanding.text('out.txt')], ['a\nb\n', 'x\n']);
});

test('another step’s changes meanwhile make it run again on what is there then', async () => {
  commanding.put('a.txt', 'old');
  let runs = 0;
  // Beside the copies of the workspace: the command runs until the sibling has ended, however long that takes.
  const gate = join(mkdtempSync(join(tmpdir(), 'holdfast-gate-')), 'open');
  after(() => rmSync(dirname(gate), { recursive: true, force: true }));
  commanding.code = async (ctx) => {
    runs += 1;
    const waiting = ctx.command(`cat a.txt > copy.txt; until [ -e '${gate}' ]; do sleep 0.02; done`, { shell: true });
    if (runs === 1) {
      await delay(150);
      await commanding.job.step(shell, { run: 'echo new > a.txt' }, { stepId: 'sibling' });
      writeFileSync(gate, '');
    }
    await waiting;
    return {};
  };
  await assert.rejects(
    commanding.job.step(free, {}, { stepId: 'f' }),
    (error) => isFailure(error, 'busy') && /Another step has changed .*: a\.txt/.test(error.message),
  );
  await commanding.job.step(free, {}, { stepId: 'f' });
  assert.equal(commanding.text('copy.txt'), 'new\n');
});

test('links out of the copy are refused: absolute ones, and those that go up', async () => {
  assert.match(
    await commanding.refused('outside-workspace', 'ln -s /etc/passwd link'),
    /"link" → "\/etc\/passwd", which leads out of its copy: it is absolute/,
  );
  assert.match(await commanding.refused('outside-workspace', 'mkdir d && ln -s ../../x d/link'), /"d\/link"/);
  await commanding.run('mkdir -p d && echo x > x && ln -s ../x d/link');
  assert.equal(commanding.text('d/link'), 'x\n');
});

test('what no record could name or hold is refused: reserved names, pipes, names that are not Unicode', async () => {
  assert.match(
    await commanding.refused('reserved-path', 'mkdir .holdfast; echo x > .holdfast/a'),
    /".holdfast".* are reserved/,
  );
  assert.match(
    await commanding.refused('bad-input', 'mkfifo pipe'),
    /"pipe", which is no file, folder or symbolic link/,
  );
  assert.match(await commanding.refused('bad-input', 'touch "$(printf "\\377")"'), /not Unicode/);
});

test('a declared database in the workspace is not given to it, and may not be made by it', async () => {
  await commanding.job.close();
  commanding.job = openTestJob({ steps: shellSteps, env, databases: { main: 'sqlite:main.db' } });
  await commanding.job.verify();
  assert.match(
    await commanding.refused('reserved-path', 'ls > list.txt; echo x > main.db'),
    /main\.db.*belongs to a declared database/,
  );
});

test('what it is asked is checked first', async () => {
  assert.match(await commanding.refused('bad-input', ['true'], { cwd: '../up' }), /cwd: leads out of the workspace/);
  assert.match(await commanding.refused('bad-input', ['true'], { paths: ['/etc'] }), /absolute path/);
  assert.match(await commanding.refused('bad-input', ['true'], { inDoubt: 'ask' }), /in place/);
  assert.match(await commanding.refused('bad-input', ['true'], { nonsense: 1 } as never), /nonsense/);
});
