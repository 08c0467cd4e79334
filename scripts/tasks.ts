/**
 * The tasks behind the npm scripts. Each returns an exit code; `launch.mjs` has seen to Node and the dependencies.
 *
 * Invariant: a task ends every process that it started before it returns, also when it is interrupted.
 */
import { spawn } from 'node:child_process';
import { promises as fs } from 'node:fs';
import path from 'node:path';
import { findTemporal } from '../src/dev-server.ts';
import { isFailure } from '../src/model/failure.ts';
import { runTests } from './test-run.ts';

type Task = (args: readonly string[]) => Promise<number>;

const TASKS: Readonly<Record<string, Task>> = {
  demo: async (args) => runNode(['demo/run.ts', ...args], await temporalEnvironment()),
  bench: async (args) => runNode(['bench/run.ts', ...args], await temporalEnvironment()),
  test: async (args) => runTests(args),
  lint: async (args) => lint(args),
  typecheck: async () => typecheck(),
  build: async () => build(),
};

/** Runs one task and returns its exit code. Failures of Holdfast's own list are printed with their remedy. */
export async function runTask(args: readonly string[]): Promise<number> {
  const [name = '', ...rest] = args;
  const task = Object.hasOwn(TASKS, name) ? TASKS[name] : undefined;
  if (task === undefined) {
    process.stderr.write(`holdfast: unknown task ${JSON.stringify(name)}; there are ${Object.keys(TASKS).join(', ')}.\n`);
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

/** Says which server was taken and hands it to the program that is to use it. */
export async function temporalEnvironment(): Promise<NodeJS.ProcessEnv> {
  const found = await findTemporal({ onProgress: say });
  return found.kind === 'address' ? { TEMPORAL_ADDRESS: found.address } : { HOLDFAST_TEMPORAL_BIN: found.path };
}

/** Type-aware: a promise that nobody awaits is an error. */
export async function lint(args: readonly string[] = []): Promise<number> {
  return runNode(['node_modules/oxlint/bin/oxlint', '--type-aware', '--deny-warnings', '--report-unused-disable-directives', ...args]);
}

export async function typecheck(): Promise<number> {
  return runNode(['node_modules/typescript/bin/tsc', '--noEmit', '-p', 'tsconfig.json']);
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
  return 0;
}

export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Runs a Node program to its end with this terminal. Interrupts reach it; this process waits for it. */
async function runNode(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<number> {
  const child = spawn(process.execPath, args, { stdio: 'inherit', env: { ...process.env, ...env } });
  const ignore = (): void => undefined;
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.on('SIGINT', ignore);
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, forward);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => resolve(code ?? 1));
    });
  } finally {
    process.off('SIGINT', ignore);
    for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.off(signal, forward);
  }
}
