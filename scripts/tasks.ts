/**
 * The tasks behind the npm scripts. Each returns an exit code; `launch.mjs` has seen to Node and the dependencies.
 *
 * Invariant: a task ends every process that it started before it returns, also when it is interrupted.
 */
import { promises as fs } from 'node:fs';
import path from 'node:path';
import { isFailure } from '../src/model/failure.ts';
import { apiReference } from './api-reference.ts';
import { format, lint, runNode, temporalEnvironment, typecheck } from './programs.ts';
import { testPeers } from './test-peers.ts';
import { runTests, withServers } from './test-run.ts';

type Task = (args: readonly string[]) => Promise<number>;

const TASKS: Readonly<Record<string, Task>> = {
  demo: async (args) => runNode(['demo/run.ts', ...args], await temporalEnvironment()),
  bench: async (args) => runNode(['bench/run.ts', ...args], await temporalEnvironment()),
  'bench-peers': async (args) => runNode(['bench/peers/run.ts', ...args], await temporalEnvironment()),
  test: async (args) => runTests(args),
  peers: async (args) => testPeers(args),
  compose: async (args) => runNode(['test/compose/run.ts', ...args]),
  mutate: async (args) => mutate(args),
  lint: async (args) => lint(args),
  format: async () => format(),
  typecheck: async () => typecheck(),
  build: async () => build(),
  docs: async (args) => apiReference(args),
};

/** Runs one task and returns its exit code. Failures of Holdfast's own list are printed with their remedy. */
export async function runTask(args: readonly string[]): Promise<number> {
  const [name = '', ...rest] = args;
  const task = Object.hasOwn(TASKS, name) ? TASKS[name] : undefined;
  if (task === undefined) {
    process.stderr.write(
      `holdfast: unknown task ${JSON.stringify(name)}; there are ${Object.keys(TASKS).join(', ')}.\n`,
    );
    return 2;
  }
  try {
    return await task(rest);
  } catch (error) {
    if (!isFailure(error)) throw error;
    process.stderr.write(`\nholdfast: ${error.message}\n`);
    return 1;
  }
}

/** Breaks each guarantee once, in a copy, and sees its tests fail. Minutes. */
async function mutate(args: readonly string[]): Promise<number> {
  let code = 1;
  await withServers(true, async () => {
    code = await runNode(['scripts/mutate.ts', ...args]);
  });
  return code;
}

/** dist/: JavaScript with types. Made anew each time, so that nothing of a removed source is shipped. */
async function build(): Promise<number> {
  await fs.rm('dist', { recursive: true, force: true });
  const code = await runNode(['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json']);
  if (code !== 0) return code;
  const cli = path.join('dist', 'cli.js');
  // npm sets the mode when it installs a package; this is for `node_modules/.bin` links into a checkout.
  await fs.chmod(cli, 0o755).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  return await runNode(['--input-type=module', '--eval', SHIP_BUNDLES]);
}

/** By the code that is shipped, from the code that is shipped. */
const SHIP_BUNDLES = `
  import { bundleWorkflows } from './dist/worker/bundle.js';
  import { shipBundles } from './dist/worker/shipped-bundle.js';
  const bundles = [];
  for (const isEncrypted of [false, true])
    bundles.push({ isEncrypted, ...(await bundleWorkflows(undefined, { isEncrypted })) });
  shipBundles(bundles);
`;
