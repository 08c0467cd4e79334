/**
 * The programs that the tasks run: the linter, the compiler, any Node program, and where their Temporal server is.
 */
import { spawn } from 'node:child_process';
import { findTemporal } from '../src/dev-server/find.ts';

/** Says which server was taken and hands it to the program that is to use it. */
export async function temporalEnvironment(): Promise<NodeJS.ProcessEnv> {
  const found = await findTemporal({ onProgress: say });
  return found.kind === 'address' ? { TEMPORAL_ADDRESS: found.address } : { HOLDFAST_TEMPORAL_BIN: found.path };
}

/** The format first; then type-aware rules: a promise that nobody awaits is an error. */
export async function lint(args: readonly string[] = []): Promise<number> {
  const formatted = await runNode(['node_modules/oxfmt/bin/oxfmt', '--check']);
  if (formatted !== 0) say('npm run format puts it right.');
  const sound = await oxlint(args);
  return formatted === 0 ? sound : formatted;
}

export async function format(): Promise<number> {
  return runNode(['node_modules/oxfmt/bin/oxfmt']);
}

async function oxlint(args: readonly string[]): Promise<number> {
  return runNode([
    'node_modules/oxlint/bin/oxlint',
    '--type-aware',
    '--deny-warnings',
    '--report-unused-disable-directives',
    ...args,
  ]);
}

export async function typecheck(): Promise<number> {
  return runNode(['node_modules/typescript/bin/tsc', '--noEmit', '-p', 'tsconfig.json']);
}

export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Runs a Node program to its end with this terminal. Interrupts reach it; this process waits for it. */
export async function runNode(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<number> {
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
