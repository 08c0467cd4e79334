/** The documentation's commands, typed as they are printed there, do what it says. */
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { after, test } from 'node:test';
import { codeBlocks, commandsOf } from '../support/documented.ts';

const root = join(import.meta.dirname, '../..');
const GETTING_STARTED = 'docs/getting-started.md';

const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** An empty folder in which the package is installed, with the files that pages show. */
function folderOf(...pages: readonly string[]): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-documented-')));
  folders.push(folder);
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules/holdfast'));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  for (const { file, text } of pages.flatMap(codeBlocks))
    if (file !== undefined) writeFileSync(join(folder, file), text);
  return folder;
}

const sources = { ...process.env, NODE_OPTIONS: '--conditions=holdfast-source' };
/** Without NODE_TEST_CONTEXT: with it Node prints nothing of a test run within a test run. */
const outside = { ...sources, NODE_TEST_CONTEXT: undefined };

test('the first code of the README runs as it is copied and shows what differs', () => {
  const ran = spawnSync(process.execPath, ['first.ts'], { cwd: folderOf('README.md'), env: sources, encoding: 'utf8' });
  assert.equal(ran.status, 0, ran.stderr);
  assert.match(ran.stdout, /^file:Seattle\.md changed\n/);
  assert.match(ran.stdout, /\n\+The gauge was broken\. \(Ada\)\n→ accept, restore, rerun, recheck, abort\n$/);
});

test('testing your steps: the test of the page passes', () => {
  const folder = folderOf(GETTING_STARTED, 'docs/testing.md');
  const ran = spawnSync(process.execPath, ['--test', 'steps.test.ts'], { cwd: folder, env: outside, encoding: 'utf8' });
  assert.equal(ran.status, 0, ran.stdout);
  assert.match(ran.stdout, /pass 2\n/);
});

test('SKILL.md: its test passes, and its plan has no problems', () => {
  const cwd = folderOf('SKILL.md');
  const tested = spawnSync(process.execPath, ['--test', 'steps.test.ts'], { cwd, env: outside, encoding: 'utf8' });
  assert.equal(tested.status, 0, tested.stdout);
  assert.match(tested.stdout, /pass 2\n/);
  const check = [join(root, 'src/cli.ts'), 'check', 'plan.yaml'];
  const checked = spawnSync(process.execPath, check, { cwd, env: sources, encoding: 'utf8' });
  assert.equal(checked.status, 0, checked.stdout);
});

type Server = ChildProcessByStdio<null, Readable, Readable>;

test('getting started: the commands of the page, one after the other, come to the end that it tells', async () => {
  const cwd = folderOf(GETTING_STARTED);
  const env = { ...sources, TEMPORAL_ADDRESS: '', HOLDFAST_STATE_DIR: join(cwd, 'state') };
  const [check, start, status, edit, approve, look, rerun, again, ended, log] = commandsOf(
    GETTING_STARTED,
    /^(npx holdfast (?!dev)|echo )/,
  );
  const [dev] = commandsOf(GETTING_STARTED, /^npx holdfast dev/);

  type(check!, env);
  let server = await started(dev!, cwd, env);
  type(start!, server.env);
  await shows(status!, server.env, /publish +approval/);
  await stopped(server.child);
  type(edit!, env);
  server = await started(dev!, cwd, env);
  await shows(approve!, server.env, /approve/);
  const question = await shows(look!, server.env, /one thing differs from the record/);
  for (const line of ['file:notes.md  changed', 'used by   summary', '+A line by hand.'])
    assert.ok(question.includes(line), question);
  type(rerun!, server.env);
  await shows(again!, server.env, /approve/);
  await shows(ended!, server.env, /first {2}completed/);
  assert.match(type(log!, server.env), /released: completed/);
  await stopped(server.child);
  assert.equal(readFileSync(join(cwd, 'work/notes/public.md'), 'utf8'), 'notes.md has 8 words.\n');

  function typed(command: string, environment: NodeJS.ProcessEnv): { readonly stdout: string; readonly all: string } {
    const line = command.replace(/^npx holdfast/, `"${process.execPath}" "${join(root, 'src/cli.ts')}"`);
    const { status, stdout, stderr } = spawnSync('sh', ['-c', line], { cwd, env: environment, encoding: 'utf8' });
    const all = `${command} ended with ${status}\n${stdout}${stderr}`;
    return { stdout: status === 0 || status === 3 ? stdout : '', all };
  }

  function type(command: string, environment: NodeJS.ProcessEnv): string {
    const { stdout, all } = typed(command, environment);
    assert.ok(stdout !== '' || command.startsWith('echo'), all);
    return stdout;
  }

  /** Types a command again until it shows what a person waits for: the job needs a moment. */
  async function shows(command: string, environment: NodeJS.ProcessEnv, expected: RegExp): Promise<string> {
    for (let tries = 0; ; tries++) {
      const { stdout, all } = typed(command, environment);
      if (expected.test(stdout)) return stdout;
      assert.ok(tries < 40, all);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
});

/** `holdfast dev` as on the page, but on free ports. */
async function started(
  command: string,
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<{ readonly child: Server; readonly env: NodeJS.ProcessEnv }> {
  const args = [...command.split(' ').slice(2), '--port', '0', '--ui-port', '0', '--json'];
  const child = spawn(process.execPath, [join(root, 'src/cli.ts'), ...args], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    printed += String(chunk);
    if (printed.trimEnd().endsWith('}')) break;
  }
  return { child, env: { ...env, TEMPORAL_ADDRESS: (JSON.parse(printed) as { address: string }).address } };
}

async function stopped(child: Server): Promise<void> {
  child.kill('SIGINT');
  await once(child, 'close');
}
