/** `ctx.command` on a private copy, without a Temporal server: what it changed is applied as a whole, or nothing is. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import { commandStep } from '../../src/model/step/built-in/command.ts';
import type { CommandResult } from '../../src/model/step/command-result.ts';
import { isFailure } from '../../src/model/failure.ts';
import type { FailureType } from '../../src/model/failures.ts';
import type { Question } from '../../src/model/question/question.ts';
import type { CommandOptions } from '../../src/model/step/step-command.ts';
import type { StepContext } from '../../src/model/step/step-context.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { defineStep, implementStep, openTestJob, QuestionAsked, type TestJob } from '../../src/testing.ts';
import { shell, shellSteps } from '../support/command-step.ts';
import { snapshotFiles } from '../support/snapshot.ts';

const free = defineStep({ name: 'free', input: z.object({}), output: z.any() });
let code: (ctx: StepContext) => unknown;
let job: TestJob;
let refusals = 0;
/** A time that no other process sleeps. */
const OWN = `300.${process.pid}`;
const env = { PATH: process.env['PATH'], FROM_WORKER: 'of the worker', SECRET: 'not for commands' };

beforeEach(() => {
  job = openTestJob({
    steps: [...shellSteps, implementStep(free, async (ctx) => (await code(ctx)) ?? {}) as never],
    env,
  });
});

afterEach(async () => {
  setFaultHook(undefined);
  await job.close();
});

const at = (place: string): string => join(job.workspace, place);
const text = (place: string): string => readFileSync(at(place), 'utf8');
const put = (place: string, content: string, mode = 0o644): void => {
  mkdirSync(join(at(place), '..'), { recursive: true });
  writeFileSync(at(place), content);
  chmodSync(at(place), mode);
};
const run = async (
  line: string | string[],
  options: CommandOptions = {},
  more: {
    readonly approval?: 'before-apply';
    readonly maxAttempts?: number;
    readonly timeoutMs?: number;
    readonly stepId?: string;
  } = {},
): Promise<CommandResult> => (await job.step(shell, { run: line, options }, more)) as CommandResult;

async function questionFrom(work: Promise<unknown>): Promise<Question> {
  const outcome = await work.then(
    (output) => `no question but ${JSON.stringify(output)}`,
    (error: unknown) => error,
  );
  assert.ok(outcome instanceof QuestionAsked, outcome instanceof Error ? outcome.stack : String(outcome));
  return outcome.question;
}

/** What a person would be told of a step that can't go on; nothing of the workspace has changed. */
async function refused(type: FailureType, line: string | string[], options: CommandOptions = {}): Promise<string> {
  const before = snapshotFiles(job.workspace);
  const question = await questionFrom(run(line, options, { maxAttempts: 1, stepId: `refused-${++refusals}` }));
  assert.deepEqual(snapshotFiles(job.workspace), before, 'nothing is applied');
  assert.deepEqual(copies(), [], 'no copy is left');
  const [finding] = question.findings;
  assert.match(finding!.found.text, new RegExp(`^${type}: `));
  return finding!.difference;
}

function copies(): readonly string[] {
  return existsSync(at('.holdfast/commands')) ? readdirSync(at('.holdfast/commands')) : [];
}

// ---- what it changes ---------------------------------------------------------------------------------------------------

test('what a command changes is applied: contents, new and removed files, modes, symbolic links, folders, empty ones too', async () => {
  put('src/a.txt', 'hello\n');
  put('src/tool.sh', '#!/bin/sh\n', 0o644);
  put('gone/deep/x.txt', 'x');
  put('kept.txt', 'kept');
  mkdirSync(at('empty'));
  symlinkSync('src/a.txt', at('link'));
  const result = await run(
    'sed -i s/hello/bye/ src/a.txt && chmod 755 src/tool.sh && rm -r gone empty && mkdir -p new/empty && chmod 700 new && echo new > new/f.txt && ln -s ../src new/link && ln -sfn kept.txt link && echo out && echo err >&2',
  );
  assert.equal(text('src/a.txt'), 'bye\n');
  assert.equal(statSync(at('src/tool.sh')).mode & 0o7777, 0o755);
  assert.deepEqual(readdirSync(job.workspace).sort(), ['.holdfast', 'kept.txt', 'link', 'new', 'src']);
  assert.equal(readlinkSync(at('link')), 'kept.txt');
  assert.equal(readlinkSync(at('new/link')), '../src');
  assert.equal(statSync(at('new')).mode & 0o7777, 0o700);
  assert.deepEqual(readdirSync(at('new/empty')), []);
  assert.deepEqual(
    { exitCode: result.exitCode, stdout: result.stdout, stderr: result.stderr, changed: result.changed },
    { exitCode: 0, stdout: 'out\n', stderr: 'err\n', changed: { written: 3, removed: 4, folders: 2, links: 2 } },
  );
  assert.deepEqual(copies(), []);
});

test('a file becomes a folder and a folder a file', async () => {
  put('was-file', 'f');
  put('was-folder/in/x.txt', 'x');
  await run('rm was-file && mkdir was-file && echo 1 > was-file/x && rm -r was-folder && echo 2 > was-folder');
  assert.equal(text('was-file/x'), '1\n');
  assert.equal(text('was-folder'), '2\n');
});

test('folders that a command locks are locked last; who may not write to a new one is told before anything is applied', async () => {
  put('d/f', 'one');
  await run('echo two > d/f; echo new > d/g; chmod 555 d');
  assert.deepEqual([text('d/f'), text('d/g'), statSync(at('d')).mode & 0o7777], ['two\n', 'new\n', 0o555]);
  const line = 'mkdir e && echo x > e/f && chmod 555 e';
  if (process.getuid?.() === 0) {
    await run(line);
    assert.deepEqual([text('e/f'), statSync(at('e')).mode & 0o7777], ['x\n', 0o555]);
  } else
    assert.match(
      await refused('permission-denied', line),
      /"e\/f" is in a folder that its owner may not write to \(mode 555\)/,
    );
  chmodSync(at('d'), 0o755);
});

test('a change that puts size and modification time back is seen', async () => {
  put('a.txt', 'one');
  utimesSync(at('a.txt'), 1_000_000_000, 1_000_000_000);
  await run('printf two > a.txt && touch -d @1000000000 a.txt');
  assert.equal(text('a.txt'), 'two');
});

test('what is only touched is no change', async () => {
  put('a.txt', 'one');
  const before = lstatSync(at('a.txt'));
  const { changed } = await run('touch a.txt && cp a.txt b && mv b a.txt');
  assert.deepEqual(changed, { written: 0, removed: 0, folders: 0, links: 0 });
  assert.equal(lstatSync(at('a.txt')).ino, before.ino);
});

test('the copy keeps modes, times, links, empty folders and ignored files', async () => {
  put('.gitignore', 'secret.txt\n');
  put('secret.txt', 'ignored, not lost');
  put('bin/run', '#!/bin/sh\necho ran\n', 0o750);
  mkdirSync(at('empty'));
  symlinkSync('bin/run', at('link'));
  utimesSync(at('bin/run'), 1_234_567_890, 1_234_567_890);
  const { stdout } = await run(
    'stat -c "%n %a %Y %F" bin/run && stat -c "%n %a %F" empty && readlink link && cat secret.txt && ./link',
  );
  assert.equal(stdout, 'bin/run 750 1234567890 regular file\nempty 755 directory\nbin/run\nignored, not lostran\n');
});

test('a command sees what its step has staged, and the step what the command made of it', async () => {
  put('old.txt', 'old');
  code = async (ctx) => {
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
  assert.deepEqual(await job.step(free, {}), {
    first: 'one\n600\nin\n',
    second: 'one\ntwo\n',
    read: 'one\ntwo\n',
    exists: [false, true],
    list: ['link symlink', 'three file'],
  });
  assert.equal(text('in/data.txt'), 'one\ntwo\n');
  assert.equal(existsSync(at('made')), false);
  assert.equal(existsSync(at('old.txt')), false);
});

test('paths: it is given no more; what it was not given stays, and is not written over', async () => {
  put('src/a.ts', 'a');
  put('src/deep/b.ts', 'b');
  put('src/deep/c.md', 'c');
  put('other.txt', 'other');
  const { stdout } = await run('find . -type f | sort && rm -r src && mkdir -p out && echo built > out/x', {
    paths: ['src/**/*.ts', 'out'],
  });
  assert.equal(stdout, './src/a.ts\n./src/deep/b.ts\n');
  assert.deepEqual(
    [existsSync(at('src/a.ts')), existsSync(at('src/deep/b.ts')), text('src/deep/c.md'), text('out/x')],
    [false, false, 'c', 'built\n'],
  );
  assert.match(
    await refused('bad-input', 'echo mine > other.txt', { paths: ['src'] }),
    /"other.txt", which is not among its paths/,
  );
});

test('before-apply shows the exact difference of the trees; what was approved is applied', async () => {
  put('a.txt', 'one\ntwo\n');
  put('run.sh', '#!/bin/sh\n');
  put('gone/x', 'x\n');
  const work = (): Promise<CommandResult> =>
    run(
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
  assert.equal(text('a.txt'), 'one\ntwo\n');
  await job.decide(question, { answer: 'approve' });
  await work();
  assert.equal(text('a.txt'), 'one\n2\n');
});

test('a rerun undoes what the command had changed: contents, modes, links and folders are back', async () => {
  put('a.txt', 'one\n');
  put('gone/deep/x', 'x\n', 0o600);
  chmodSync(at('gone'), 0o750);
  symlinkSync('a.txt', at('link'));
  put('input', '1');
  const plain = (): Record<string, string> =>
    Object.fromEntries(
      Object.entries(snapshotFiles(job.workspace)).map(([path, state]) => [path, state.replace(/ [\d.]+$/, '')]),
    );
  const before = plain();
  const work = (): Promise<CommandResult> =>
    run(
      'test "$(cat input)" = 1 || exit 0; echo 2 >> a.txt && rm -r gone && mkdir -p new/deep && echo n > new/deep/n && ln -sfn new link && chmod 700 new',
      { reads: ['input'] },
      { stepId: 'step' },
    );
  await work();
  writeFileSync(at('input'), '2');
  const result = await job.verify('asked', 'by the test');
  assert.equal(result.kind, 'question');
  if (result.kind !== 'question') return;
  assert.deepEqual(
    result.question.findings.map(({ resource, staleSteps }) => ({ resource, staleSteps })),
    [{ resource: 'file:input', staleSteps: ['step'] }],
  );
  await job.decide(result.question, { answer: 'rerun' });
  await work();
  const after = plain();
  assert.deepEqual({ ...after, input: '' }, { ...before, input: '' });
});

// ---- what it is given --------------------------------------------------------------------------------------------------

test('its environment is what is named, and nothing else', async () => {
  const { stdout } = await run(['env'], { env: { MINE: 'x=y', LANG: 'C' }, envFrom: ['PATH', 'FROM_WORKER'] });
  const given = stdout
    .trim()
    .split('\n')
    .map((line) => line.split('=')[0]!)
    .sort();
  assert.deepEqual(given, ['FROM_WORKER', 'GIT_CEILING_DIRECTORIES', 'HOLDFAST_COMMAND', 'LANG', 'MINE', 'PATH']);
  assert.match(stdout, /^MINE=x=y$/m);
  assert.match(await refused('missing-variable', ['env'], { envFrom: ['NOT_THERE'] }), /NOT_THERE/);
});

test('it runs where cwd says, and only in a folder that it was given', async () => {
  put('sub/x', 'x');
  assert.match((await run(['pwd'], { cwd: 'sub' })).stdout, /\/tree\/sub\n$/);
  assert.match(await refused('not-found', ['pwd'], { cwd: 'nowhere' }), /no folder "nowhere"/);
});

test('the built-in step command takes the same from a plan', async () => {
  put('a.txt', 'a');
  const { outputs } = (await job.runPlan({
    schemaVersion: 1,
    name: 'plan',
    workspace: job.workspace,
    steps: [
      { id: 'count', use: 'command', with: { run: ['sh', '-c', 'cat a.txt > b.txt; echo done'] } },
      { id: 'again', use: 'command', needs: ['count'], with: { run: 'wc -c < b.txt', shell: true } },
    ],
  })) as unknown as { outputs: Record<string, { exitCode: number; stdout: string; written: number }> };
  assert.deepEqual(
    [outputs['count']!.stdout, outputs['count']!.written, outputs['again']!.stdout.trim()],
    ['done\n', 1, '1'],
  );
  assert.equal(commandStep.input.safeParse({ run: 'a string without a shell' }).success, false);
});

test('a retry gets the recorded result while what the command was given is the same, else it runs again', async () => {
  put('a.txt', '1');
  let fails = true;
  const seen: string[] = [];
  code = async (ctx) => {
    seen.push((await ctx.command('cat a.txt; date +%N', { shell: true })).stdout);
    if (fails) throw new Error('not yet');
    return {};
  };
  await assert.rejects(job.step(free, {}, { stepId: 'f' }), (error) => isFailure(error, 'step-failed'));
  await assert.rejects(job.step(free, {}, { stepId: 'f' }), (error) => isFailure(error, 'step-failed'));
  assert.equal(seen[1], seen[0]);
  writeFileSync(at('a.txt'), '2');
  fails = false;
  await job.step(free, {}, { stepId: 'f' });
  assert.notEqual(seen[2], seen[0]);
  assert.match(seen[2]!, /^2/);
});

test('a secret that it is given is shown nowhere that it prints it, and a file that holds it is refused', async () => {
  await job.close();
  const value = 'planted-0123456789-value';
  const shown: string[] = [];
  job = openTestJob({
    steps: [...shellSteps, implementStep(free, async (ctx) => (await code(ctx)) ?? {}) as never],
    env: { ...env, TOKEN: value },
    secrets: ['TOKEN'],
  });
  code = async (ctx) => {
    const printed = await ctx.command(
      'printf "%s" "$TOKEN" | head -c 12; sleep 0.1; printf "%s\\n" "$TOKEN" | tail -c +13; echo "$TOKEN" >&2; printf "%s" "$TOKEN" | base64',
      { shell: true, env: { TOKEN: ctx.secret('TOKEN') } },
    );
    shown.push(
      JSON.stringify(printed),
      readFileSync(at(`.holdfast/blobs/${printed.log.content[0]}/${printed.log.content.slice(1)}`), 'utf8'),
    );
    return printed;
  };
  await job.step(free, {}, { stepId: 'prints' });
  code = async (ctx) =>
    await ctx.command('echo "$TOKEN" >&2; exit 3', { shell: true, env: { TOKEN: ctx.secret('TOKEN') } });
  shown.push(
    JSON.stringify((await questionFrom(job.step(free, {}, { stepId: 'fails', maxAttempts: 1 }))).findings),
    ...job.logs,
  );
  for (const text of shown)
    assert.ok(!text.includes(value) && !text.includes(Buffer.from(value).toString('base64')), text);
  assert.match(shown[0]!, /«secret TOKEN»/);
  code = async (ctx) =>
    await ctx.command('echo "a $TOKEN" > token.txt', { shell: true, env: { TOKEN: ctx.secret('TOKEN') } });
  const question = await questionFrom(job.step(free, {}, { stepId: 'writes', maxAttempts: 1 }));
  assert.match(question.findings[0]!.found.text, /^secret-in-output: .*token\.txt/);
  assert.equal(existsSync(at('token.txt')), false);
});

// ---- output ------------------------------------------------------------------------------------------------------------

test('output of any length: its start and end are kept, what is left out is counted', async () => {
  const { stdout, log, droppedBytes } = await run(
    'echo first; head -c 300000000 /dev/zero | tr "\\0" x; echo; echo last; echo err >&2',
  );
  assert.equal(log.sizeBytes, 300_000_000 + 'first\n\nlast\nerr\n'.length);
  assert.ok(log.droppedBytes > 290_000_000 && droppedBytes > 290_000_000);
  assert.ok(stdout.length < 200_000 && stdout.startsWith('first\n') && stdout.endsWith('last\n'), `${stdout.length}`);
  const blob = readFileSync(at(`.holdfast/blobs/${log.content[0]}/${log.content.slice(1)}`), 'utf8');
  assert.ok(blob.length < 3_000_000 && blob.startsWith('first\n'));
  assert.ok(process.memoryUsage.rss() < 1_500_000_000);
});

test('more output than maxOutputBytes ends the command', async () => {
  assert.match(
    await refused('too-large', 'while :; do echo spam; done', { maxOutputBytes: 100_000 }),
    /printed more than 100000 bytes/,
  );
});

// ---- how it ends -------------------------------------------------------------------------------------------------------

test('an exit code that is no success is a failure with the last lines; okExitCodes says which are', async () => {
  put('a.txt', 'a');
  const told = await refused('command-failed', 'echo 1 > a.txt; echo working; echo "it broke" >&2; exit 3');
  assert.match(told, /ended with exit code 3; expected 0\. Nothing of it is applied\. Its last lines:\nit broke/);
  assert.equal((await run('echo 2 > a.txt; exit 3', { okExitCodes: [0, 3] })).exitCode, 3);
  assert.equal(text('a.txt'), '2\n');
  assert.match(await refused('command-failed', 'kill -SEGV $$'), /was ended by SIGSEGV/);
});

test('a program that is not there: where it was searched is said', async () => {
  assert.match(
    await refused('not-found', ['no-such-program'], { env: { PATH: '/usr/bin:/bin' } }),
    /no program "no-such-program"\. Searched PATH: \/usr\/bin:\/bin/,
  );
  put('tool', 'no program');
  assert.match(await refused('permission-denied', ['./tool']), /not executable/);
});

test('a command that takes too long is killed with all that it started, by its own timeout and by the step’s', async () => {
  put('a.txt', 'a');
  const startedMs = Date.now();
  assert.match(
    await refused(
      'step-timeout',
      `trap "" TERM; echo x > a.txt; (trap "" TERM; sleep ${OWN}1 & wait) & sleep ${OWN}2 & wait`,
      { timeoutMs: 300, killGraceMs: 200 },
    ),
    /did not end within 300 ms and was killed/,
  );
  assert.ok(Date.now() - startedMs < 10_000);
  assert.deepEqual(processesWith(`sleep ${OWN}[12]`), []);
  const question = await questionFrom(run(`sleep ${OWN}3`, { killGraceMs: 100 }, { maxAttempts: 1, timeoutMs: 300 }));
  assert.match(question.findings[0]!.difference, /did not end within 300 ms/);
  assert.deepEqual(processesWith(`sleep ${OWN}3`), []);
});

for (const [what, line] of [
  ['in its own group', `sleep ${OWN}4 & echo started`],
  ['in a session of its own', `setsid sleep ${OWN}5 & echo started`],
  [
    'detached twice, in another folder, without its output',
    `(setsid sh -c "cd /; exec sleep ${OWN}6 </dev/null >/dev/null 2>&1" &) ; echo started`,
  ],
  ['with an empty environment, in the copy', `env -i setsid sleep ${OWN}7 </dev/null >/dev/null 2>&1 & echo started`],
] as const) {
  test(`a command that leaves a process behind (${what}) is refused, and the process killed`, async () => {
    put('a.txt', 'a');
    assert.match(
      await refused('processes-left', `echo b > a.txt; ${line}`),
      /leaves processes behind: sleep \(\d+\)\. They were killed\. Nothing of it is applied/,
    );
    assert.deepEqual(processesWith(`sleep ${OWN}[4567]`), []);
  });
}

test('what ends by itself right after the command is no process left behind', async () => {
  await run('sleep 0.2 & echo x > a.txt');
  assert.equal(text('a.txt'), 'x\n');
});

// ---- outside its copy --------------------------------------------------------------------------------------------------

test('a command that writes into the workspace itself is refused; nothing of it is applied', async () => {
  put('a.txt', 'a');
  put('b.txt', 'b');
  await delay(150);
  for (const line of [
    `echo evil > ${at('a.txt')}; echo x > b.txt`,
    `echo evil > ${at('new.txt')}; echo x > b.txt`,
    `rm -f ${at('a.txt')}; echo x > b.txt`,
  ]) {
    const question = await questionFrom(run(line, {}, { maxAttempts: 1 }));
    assert.match(
      question.findings[0]!.difference,
      /While the command ran on its copy, the workspace itself was changed: (a|new)\.txt/,
    );
    assert.equal(text('b.txt'), 'b');
    put('a.txt', 'a');
    await job.decide(question, { answer: 'rerun' });
    await delay(150);
  }
});

test('a file that the record knows and that is changed meanwhile is a discrepancy, shown as one', async () => {
  await run('echo recorded > a.txt');
  const question = await questionFrom(run(`echo evil > ${at('a.txt')}; echo x > b.txt`));
  assert.deepEqual(
    [question.kind, question.findings.map(({ resource, kind }) => `${resource} ${kind}`)],
    ['discrepancy', ['file:a.txt changed']],
  );
  assert.equal(existsSync(at('b.txt')), false);
});

test('a file that others change while the command runs is no obstacle where othersChange names it', async () => {
  put('logs/server.log', 'a\n');
  await run(`echo b >> ${at('logs/server.log')}; echo x > out.txt`, { othersChange: ['logs'] });
  assert.deepEqual([text('logs/server.log'), text('out.txt')], ['a\nb\n', 'x\n']);
});

test('another step’s changes meanwhile make it run again on what is there then', async () => {
  put('a.txt', 'old');
  let runs = 0;
  code = async (ctx) => {
    runs += 1;
    const waiting = ctx.command('cat a.txt > copy.txt; sleep 0.4', { shell: true });
    if (runs === 1) {
      await delay(150);
      await job.step(shell, { run: 'echo new > a.txt' }, { stepId: 'sibling' });
    }
    await waiting;
    return {};
  };
  await assert.rejects(
    job.step(free, {}, { stepId: 'f' }),
    (error) => isFailure(error, 'busy') && /Another step has changed .*: a\.txt/.test(error.message),
  );
  await job.step(free, {}, { stepId: 'f' });
  assert.equal(text('copy.txt'), 'new\n');
});

test('links out of the copy are refused: absolute ones, and those that go up', async () => {
  assert.match(
    await refused('outside-workspace', 'ln -s /etc/passwd link'),
    /"link" → "\/etc\/passwd", which leads out of its copy: it is absolute/,
  );
  assert.match(await refused('outside-workspace', 'mkdir d && ln -s ../../x d/link'), /"d\/link"/);
  await run('mkdir -p d && echo x > x && ln -s ../x d/link');
  assert.equal(text('d/link'), 'x\n');
});

test('what no record could name or hold is refused: reserved names, pipes, names that are not Unicode', async () => {
  assert.match(await refused('reserved-path', 'mkdir .holdfast; echo x > .holdfast/a'), /".holdfast".* are reserved/);
  assert.match(await refused('bad-input', 'mkfifo pipe'), /"pipe", which is no file, folder or symbolic link/);
  assert.match(await refused('bad-input', 'touch "$(printf "\\377")"'), /not Unicode/);
  assert.match(await refused('bad-input', "touch 'a\\b'"), /holds a "\\"/);
});

test('a declared database in the workspace is not given to it, and may not be made by it', async () => {
  await job.close();
  job = openTestJob({ steps: shellSteps, env, databases: { main: 'sqlite:main.db' } });
  await job.verify();
  assert.match(
    await refused('reserved-path', 'ls > list.txt; echo x > main.db'),
    /main\.db.*belongs to a declared database/,
  );
});

test('what it is asked is checked first', async () => {
  assert.match(await refused('bad-input', ['true'], { cwd: '../up' }), /cwd: leads out of the workspace/);
  assert.match(await refused('bad-input', ['true'], { paths: ['/etc'] }), /absolute path/);
  assert.match(await refused('bad-input', ['true'], { inDoubt: 'ask' }), /in place/);
  assert.match(await refused('bad-input', ['true'], { nonsense: 1 } as never), /nonsense/);
});

function processesWith(pattern: string): readonly string[] {
  const expression = new RegExp(`^${pattern}$`);
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        return expression.test(line) ? [line] : [];
      } catch {
        return [];
      }
    });
}
