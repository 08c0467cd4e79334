/** Runs a program to its end, for what it does rather than what it prints. */
import { spawn, type ChildProcess } from 'node:child_process';
import { isProgram } from '../effects/processes/find-program.ts';

export interface RunOptions {
  /** Then it is killed. */
  readonly limitMs: number;
  /** Default: this process's. */
  readonly env?: NodeJS.ProcessEnv;
  /** Default: this process's. */
  readonly cwd?: string;
  readonly onProgress?: (line: string) => void;
}

const VERSION_LIMIT_MS = 10_000;
const PROGRESS_EVERY_MS = 10_000;
/** Of what it prints on standard error. */
const MAX_LAST_CHARACTERS = 600;

/** @returns why it failed, with what it printed last; undefined: it did not */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: RunOptions,
): Promise<string | undefined> {
  const startedMs = performance.now();
  const elapsed = (): string => `${Math.round((performance.now() - startedMs) / 1000)} s`;
  const { limitMs, env = process.env, cwd = process.cwd(), onProgress } = options;
  const child = spawn(command, args, {
    env,
    cwd,
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: limitMs,
    killSignal: 'SIGKILL',
  });
  const progress = setInterval(() => onProgress?.(`  still at it, ${elapsed()}`), PROGRESS_EVERY_MS);
  try {
    return await problemAtEnd(child, elapsed);
  } finally {
    clearInterval(progress);
  }
}

/** Is it a program that tells its version? */
export async function answersVersion(file: string): Promise<boolean> {
  return isProgram(file) && (await runProgram(file, ['--version'], { limitMs: VERSION_LIMIT_MS })) === undefined;
}

async function problemAtEnd(child: ChildProcess, elapsed: () => string): Promise<string | undefined> {
  let printed = '';
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
    printed = (printed + chunk).slice(-MAX_LAST_CHARACTERS);
  });
  return await new Promise<string | undefined>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => {
      const last = printed.trim();
      if (code === 0) resolve(undefined);
      else if (signal !== null) resolve(`ended by ${signal} after ${elapsed()}`);
      else resolve(`exit code ${code}${last === '' ? '' : `: ${last}`}`);
    });
  });
}
