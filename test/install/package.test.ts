/**
 * The npm package as its users get it: packed, and used in a folder of its own beside what its manifest names. What npm
 * and pnpm make of it: peers.test.ts, and the examples.
 */
import assert from 'node:assert/strict';
import { promises as fs } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { packInto, runProgram, runWell, unpackInto } from '../support/package.ts';
import { testTemporal } from '../support/temporal.ts';

const root = path.join(import.meta.dirname, '../..');
const temporal = await testTemporal();

let folder: string;
let manifest: {
  name: string;
  exports: Record<string, string | Record<string, string>>;
  bin: { holdfast: string };
  dependencies: Record<string, string>;
};
/** Paths within the package. */
let packed: readonly string[];

before(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'holdfast-package-'));
  manifest = JSON.parse(await fs.readFile(path.join(root, 'package.json'), 'utf8')) as typeof manifest;
  const { tarball, files } = await packInto(folder);
  packed = files;
  await fs.writeFile(path.join(folder, 'package.json'), '{"private":true,"type":"module"}\n');
  // The saver's entry extends a class of LangGraph's, an optional peer.
  await unpackInto(folder, tarball, ['typescript', '@types/node', '@langchain/langgraph-checkpoint']);
});

after(async () => fs.rm(folder, { recursive: true, force: true }));

/** What npm links as `holdfast`. Returns what it printed. */
async function holdfast(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  return runWell(process.execPath, [path.join('node_modules/holdfast', manifest.bin.holdfast), ...args], folder, env);
}

test('holds what its entries name, and neither sources, tests nor a machine’s paths', async () => {
  const named = Object.values(manifest.exports).flatMap((entry) =>
    typeof entry === 'string' ? [entry] : [entry['types'], entry['default']],
  );
  for (const file of [...named, manifest.bin.holdfast])
    assert.ok(packed.includes(String(file).replace('./', '')), String(file));
  assert.deepEqual(
    packed.filter(
      (file) => /^(src|test|scripts|demo|bench)\/|\.test\.|(?<!\.d)\.ts$/.test(file) && !file.startsWith('examples/'),
    ),
    [],
  );
  // Messages name pages of the documentation.
  for (const file of ['docs/encryption.md', 'docs/questions.md', 'examples/own-workflow/README.md'])
    assert.ok(packed.includes(file), file);
  // A page of the documentation tells to run it.
  for (const name of ['README.md', 'run.ts', 'conversation.json', 'project/package.json'])
    assert.ok(packed.includes(`examples/agent/${name}`), name);
  // The API reference is made when it is packed: a page for each entry.
  const entries = Object.keys(manifest.exports).filter((entry) => !entry.endsWith('.json'));
  for (const entry of entries) {
    const page = `docs/api/${entry.replace('.', manifest.name)}.md`;
    assert.ok(packed.includes(page), page);
  }
  for (const file of packed.filter((name) => name.endsWith('.js') || name.endsWith('.map'))) {
    assert.ok(
      !(await fs.readFile(path.join(folder, 'node_modules', manifest.name, file), 'utf8')).includes(root),
      file,
    );
  }
});

test('every entry can be imported, with types', async () => {
  const entries = Object.keys(manifest.exports)
    .filter((entry) => !entry.endsWith('.json'))
    .map((entry) => entry.replace('.', manifest.name));
  await fs.writeFile(
    path.join(folder, 'entries.ts'),
    entries
      .map((entry, index) => `import * as e${index} from '${entry}';\nconsole.log(Object.keys(e${index}).length);\n`)
      .join(''),
  );
  await runWell(
    process.execPath,
    [
      'node_modules/typescript/bin/tsc',
      '--noEmit',
      '--strict',
      '--skipLibCheck',
      '--module',
      'nodenext',
      '--target',
      'es2024',
      '--types',
      'node',
      'entries.ts',
    ],
    folder,
  );
  await runWell(process.execPath, ['entries.ts'], folder);
});

test('without the AI SDK an agent’s worker says what cannot be loaded, and what to type', async () => {
  const script = `
    import { aiSdkPlugin } from 'holdfast/agents/worker';
    const { type, message, details } = await aiSdkPlugin({ modelProvider: {} }).catch((error) => error);
    console.log(JSON.stringify([type, message, details.nextStep]));
  `;
  const said = await runWell(process.execPath, ['--input-type=module', '--eval', script], folder);
  const [type, message, nextStep] = JSON.parse(said) as string[];
  assert.equal(type, 'bad-input');
  assert.match(message!, /^The AI SDK's plugin cannot be loaded: Cannot find package '@temporalio\/ai-sdk'/);
  assert.equal(nextStep, 'Type: npm install ai @ai-sdk/mcp @ai-sdk/provider @temporalio/ai-sdk');
});

test('brings a command line that says what it can do', async () => {
  const help = await holdfast(['--help']);
  for (const command of [
    'dev',
    'worker',
    'start',
    'check',
    'list',
    'status',
    'question',
    'decide',
    'verify',
    'log',
    'result',
    'cancel',
    'doctor',
  ]) {
    assert.match(help, new RegExp(`^\\s+${command}\\b`, 'm'));
  }
});

test('carries the bundle of its Workflows, so that a worker starts without webpack', async () => {
  const script = `
    import { bundleWorkflows } from 'holdfast/worker';
    const { code } = await bundleWorkflows(undefined, { isEncrypted: process.argv.includes('encrypted') });
    console.log(code.length);
  `;
  for (const kind of ['plain', 'encrypted']) {
    const file = path.join(folder, 'node_modules/holdfast/dist/workflow-bundles', `${kind}.js`);
    const size = (await fs.readFile(file, 'utf8')).length;
    const printed = await runWell(process.execPath, ['--input-type=module', '--eval', script, kind], folder);
    assert.equal(Number(printed), size);
  }
});

test('a worker of it starts without loading webpack or a compiler', async () => {
  const script = `
    import { createRequire } from 'node:module';
    import { createWorker } from 'holdfast/worker';
    await createWorker({ taskQueue: process.argv[1] });
    const loaded = Object.keys(createRequire(import.meta.url).cache);
    const heavy = /node_modules.(webpack.lib|@swc|swc-loader|terser)/;
    const files = [loaded.filter((file) => heavy.test(file)), loaded.some((file) => file.includes('@temporalio'))];
    process.stdout.write(JSON.stringify(files), () => process.exit());
  `;
  const args = ['--input-type=module', '--eval', script, temporal.unique('queue')];
  const env = { ...temporal.env, HOLDFAST_STATE_DIR: path.join(folder, 'state') };
  const [heavy, hasSdk] = JSON.parse(await runWell(process.execPath, args, folder, env)) as [string[], boolean];
  // webpack's own entry, which loads the rest when it is asked for, the SDK imports in any case.
  const entry = /webpack.lib.(index|util.memoize)\.js$/;
  assert.deepEqual([heavy.filter((file) => !entry.test(file)), hasSdk], [[], true]);
});

test('what Node has compiled for the command line is kept for its next start', async () => {
  const cache = path.join(folder, 'cache');
  const env = { XDG_CACHE_HOME: cache, NODE_COMPILE_CACHE: undefined, NODE_DISABLE_COMPILE_CACHE: undefined };
  await holdfast(['--help'], env);
  assert.equal((await fs.readdir(path.join(cache, 'holdfast/compiled'))).length, 1);
});

test('crash-tests a plan with steps of the user’s own, in worker processes of the package', async () => {
  const steps = `
    import { appendFileSync } from 'node:fs';
    import { defineStep, implementStep, z } from 'holdfast';
    const contract = defineStep({ name: 'note', input: z.object({}), output: z.object({}) });
    export const steps = [implementStep(contract, async (ctx) => {
      appendFileSync('noted.log', 'noted');
      await ctx.files.write('note.md', 'noted');
      return {};
    })];`;
  await fs.writeFile(path.join(folder, 'noting.ts'), steps);
  const plan = { schemaVersion: 1, name: 'noting', workspace: 'noting', steps: [{ id: 'note', use: 'note' }] };
  await fs.writeFile(path.join(folder, 'noting.json'), JSON.stringify(plan));
  const words = ['crash-test', 'noting.json', '--steps', 'noting.ts', '--json', '--address', temporal.address];
  const given = [...words, '--namespace', temporal.namespace, '--points', 'note/user-code.after'];
  const program = path.join('node_modules/holdfast', manifest.bin.holdfast);
  const { code, printed, output } = await runProgram(process.execPath, [program, ...given], folder);
  assert.equal(code, 4, output);
  const { faults } = JSON.parse(printed) as { faults: readonly { difference: { what: string; at: string } }[] };
  assert.deepEqual(
    faults.map(({ difference: { what, at } }) => [what, at]),
    [['appendFile noted.log', 'noting.ts:6']],
  );
});

test('the worker that the Dockerfile starts is a command of it', async () => {
  await holdfast(['worker', '--help']);
});
