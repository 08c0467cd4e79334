/**
 * The package beside SDKs that a project has already: of another version, too old, or none. And with pnpm, where a
 * package finds only what its own manifest names.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { promises as fs } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { installedVersion, packInto, runProgram, type Ended } from '../support/package.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
/** The exact version that a project would have by `@temporalio/ai-sdk` 1.23.0. */
const OTHER = '1.23.0';
const TOO_OLD = '1.17.0';
const PNPM = '12.21.0';
/** The entry for another library's users, who have that library: nobody else is made to install it. */
const LANGGRAPH = './langgraph';
const LANGGRAPH_PEERS = ['@langchain/langgraph-checkpoint', '@langchain/core'];
const OWN_WORKFLOW = path.join(import.meta.dirname, '../../examples/own-workflow');

let root: string;
let tarball: string;

before(async () => {
  root = await fs.mkdtemp(path.join(os.tmpdir(), 'holdfast-peers-'));
  tarball = (await packInto(root)).tarball;
});

after(async () => fs.rm(root, { recursive: true, force: true }));

/** A project with these packages already; then npm installs the package there. */
async function project(
  name: string,
  dependencies: Readonly<Record<string, string>>,
  flags: string[] = [],
): Promise<Ended> {
  return await npm(await emptyProject(name, dependencies), ['install', ...flags, tarball]);
}

/** @returns its folder */
async function emptyProject(name: string, dependencies: Readonly<Record<string, string>>): Promise<string> {
  const folder = path.join(root, name);
  await fs.mkdir(folder);
  await fs.writeFile(
    path.join(folder, 'package.json'),
    JSON.stringify({ private: true, type: 'module', dependencies }),
  );
  return folder;
}

async function npm(folder: string, args: readonly string[]): Promise<Ended> {
  // Whoever runs the tests may have silenced npm; what it says is what is tested.
  return await runProgram('npm', [...args, '--loglevel=notice', '--no-audit', '--no-fund', '--prefer-offline'], folder);
}

const holdfast = async (folder: string, ...args: string[]): Promise<Ended> =>
  await runProgram(path.join(folder, 'node_modules/.bin/holdfast'), args, folder);

function sdk(version: string): Record<string, string> {
  return Object.fromEntries(
    ['worker', 'workflow', 'client', 'activity'].map((name) => [`@temporalio/${name}`, version]),
  );
}

async function copiesOf(folder: string, name: string): Promise<readonly string[]> {
  const copies: string[] = [];
  for await (const file of fs.glob(`node_modules/**/${name}/package.json`, { cwd: folder }))
    if (file.endsWith(`node_modules/${name}/package.json`)) copies.push(file);
  return await Promise.all(
    copies.map(
      async (file) => (JSON.parse(await fs.readFile(path.join(folder, file), 'utf8')) as { version: string }).version,
    ),
  );
}

test("a project's own SDK of another version is used, and is there once", async () => {
  const { code, output } = await project('other', {
    ...sdk(OTHER),
    typescript: await installedVersion('typescript'),
    '@types/node': await installedVersion('@types/node'),
  });
  assert.equal(code, 0, output);
  const folder = path.join(root, 'other');
  for (const name of ['worker', 'workflow', 'client', 'activity', 'core-bridge'])
    assert.deepEqual(await copiesOf(folder, `@temporalio/${name}`), [OTHER], name);
});

test('its types are read with that SDK', async () => {
  const folder = path.join(root, 'other');
  const entries = ['', '/worker', '/workflow', '/client', '/plugin', '/testing', '/changes'];
  const lines = entries.map((entry, index) => `import * as e${index} from 'holdfast${entry}';\nvoid e${index};`);
  await fs.writeFile(path.join(folder, 'entries.ts'), lines.join('\n'));
  const flags = '--noEmit --strict --skipLibCheck false --module nodenext --target es2024 --types node'.split(' ');
  const { output } = await runProgram(
    process.execPath,
    ['node_modules/typescript/bin/tsc', ...flags, 'entries.ts'],
    folder,
  );
  // Declarations of other packages have faults of their own.
  assert.deepEqual(
    output.split('\n').filter((line) => /^(node_modules\/holdfast\/|entries)/.test(line)),
    [],
  );
});

test('its worker bundles the Workflows for that SDK, says so, and the next one takes what was kept', async () => {
  const cache = path.join(root, 'cache');
  const first = await workerStarted('other', cache);
  const made =
    /INFO Temporal's SDK is 1\.23\.0 here, and the package's Workflows are bundled for .+: bundling them anew/;
  assert.match(first, made);
  assert.doesNotMatch(await workerStarted('other', cache), made);
  // What was damaged is not used.
  const folder = path.join(cache, 'holdfast/bundles');
  const [kept, ...others] = await fs.readdir(folder);
  assert.deepEqual(others, []);
  await fs.appendFile(path.join(folder, kept!), '\nthrow new Error();');
  assert.match(await workerStarted('other', cache), made);
});

/** Starts one, ends it, and returns what it wrote to standard error. */
async function workerStarted(name: string, cache: string): Promise<string> {
  const queue = temporal.unique('queue');
  const child = spawn(process.execPath, ['node_modules/holdfast/dist/cli.js', 'worker', '-q', queue], {
    cwd: path.join(root, name),
    env: { ...process.env, ...temporal.env, XDG_CACHE_HOME: cache, HOLDFAST_STATE_DIR: path.join(root, 'state') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk) => (said += String(chunk)));
  const ended = once(child, 'close');
  await Promise.race([once(child.stdout, 'data'), ended]);
  const isRunning = child.exitCode === null;
  child.kill('SIGTERM');
  await ended;
  assert.ok(isRunning, said);
  return said;
}

test('npm refuses to install beside an SDK that is too old, and names the range', async () => {
  const { code, output } = await project('old', sdk(TOO_OLD));
  assert.notEqual(code, 0);
  assert.match(output, /ERESOLVE[\s\S]*peer @temporalio\/\w+@"\^[\d.]+" from holdfast/);
});

test('without the SDK the command line says what is missing, and the line that it gives mends it', async () => {
  const { code, output } = await project('none', {}, ['--legacy-peer-deps']);
  assert.equal(code, 0, output);
  const folder = path.join(root, 'none');
  const told = await holdfast(folder, '--help');
  assert.equal(told.code, 2);
  assert.match(told.output, /^holdfast: Of Temporal's SDK, @temporalio\/activity, .+ are missing\./);
  const line = /^Next: npm (install .+)$/m.exec(told.output)?.[1]?.split(' ') ?? [];
  const mended = await npm(folder, [...line, '--legacy-peer-deps']);
  assert.equal(mended.code, 0, mended.output);
  const help = await holdfast(folder, '--help');
  assert.equal(help.code, 0, help.output);
});

test('with pnpm every entry is found, and the command line, a worker and a Workflow of one’s own run', async () => {
  const tool = await emptyProject('pnpm-itself', { pnpm: PNPM });
  const installed = await npm(tool, ['install']);
  assert.equal(installed.code, 0, installed.output);
  const folder = await emptyProject('pnpm', sdk(OTHER));
  const env = { XDG_CACHE_HOME: path.join(root, 'pnpm-cache'), XDG_DATA_HOME: path.join(root, 'pnpm-data') };
  const pnpm = async (...args: string[]): Promise<Ended> =>
    await runProgram(path.join(tool, 'node_modules/.bin/pnpm'), args, folder, env);
  // It asks whether packages of the SDK may run scripts as they are installed. Nobody needs them.
  const added = await pnpm('add', '--store-dir', path.join(root, 'pnpm-store'), '--ignore-scripts', tarball);
  assert.equal(added.code, 0, added.output);
  const own = await pnpm('exec', 'holdfast', '--version');
  assert.match(own.printed, /^\d+\.\d+\.\d+\n$/, own.output);
  const { exports } = JSON.parse(
    await fs.readFile(path.join(folder, 'node_modules/holdfast/package.json'), 'utf8'),
  ) as {
    exports: Record<string, unknown>;
  };
  const entries = Object.keys(exports).filter((entry) => !entry.endsWith('.json'));
  const imported = async (names: readonly string[]): Promise<Ended> => {
    const imports = names.map((entry) => `await import('${entry.replace('.', 'holdfast')}');`).join('\n');
    return await runProgram(process.execPath, ['--input-type=module', '--eval', imports], folder);
  };
  const { code, output } = await imported(entries.filter((entry) => entry !== LANGGRAPH));
  assert.equal(code, 0, output);
  const without = await imported([LANGGRAPH]);
  assert.match(without.output, /Cannot find package '@langchain\/langgraph-checkpoint'/);
  const peer = await pnpm('add', '--store-dir', path.join(root, 'pnpm-store'), '--ignore-scripts', ...LANGGRAPH_PEERS);
  assert.equal(peer.code, 0, peer.output);
  const withPeer = await imported([LANGGRAPH]);
  assert.equal(withPeer.code, 0, withPeer.output);
  assert.match(await workerStarted('pnpm', path.join(root, 'pnpm-bundles')), /bundling them anew/);
  const example = path.join(folder, 'own-workflow');
  const filter = (source: string): boolean => !/node_modules|\.holdfast/.test(source.slice(OWN_WORKFLOW.length));
  await fs.cp(OWN_WORKFLOW, example, { recursive: true, filter });
  const run = await runProgram(process.execPath, ['run.ts'], example, temporal.env);
  assert.equal(run.code, 0, run.output);
});
