/**
 * The programs that the Compose test runs: with a bound, with a line every ten seconds, and with what they printed last
 * in the message when they fail.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

const PROGRESS_EVERY_MS = 10_000;
const DEFAULT_LIMIT_MS = 120_000;
const MAX_PRINTED_CHARACTERS = 4_000_000;
const MAX_SHOWN_CHARACTERS = 2_500;

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  /** Then it is killed. Default: two minutes. */
  readonly limitMs?: number;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Default: none. */
  readonly input?: string;
  /** What is going on, for the lines of progress. Default: no lines. */
  readonly doing?: string;
}

export type Line = readonly [command: string, ...args: string[]];

const running = new Set<ChildProcess>();
let isRefusing = false;

/** Ends what runs, and lets nothing begin until `resumePrograms`. */
export function interruptPrograms(): void {
  isRefusing = true;
  for (const child of running) child.kill('SIGTERM');
}

/** For what takes everything down. */
export function resumePrograms(): void {
  isRefusing = false;
}

/** Runs to its end, whatever the exit code. */
export async function ended(line: Line, options: ProgramOptions = {}): Promise<Ended> {
  const { limitMs = DEFAULT_LIMIT_MS, env = process.env, cwd = process.cwd(), input, doing } = options;
  if (isRefusing) throw new Error(`interrupted before ${line.slice(0, 3).join(' ')}`);
  const startedMs = performance.now();
  const child = spawn(line[0], line.slice(1), { env, cwd, timeout: limitMs, killSignal: 'SIGKILL' });
  running.add(child);
  const printed = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (chunk: string) => {
      printed[stream] = (printed[stream] + chunk).slice(-MAX_PRINTED_CHARACTERS);
    });
  }
  // A program that does not read its input must not end this one.
  child.stdin.on('error', () => undefined).end(input ?? '');
  const last = (): string => lastLineOf(printed.stdout) || lastLineOf(printed.stderr);
  const progress = setInterval(() => {
    if (doing !== undefined) say(`    ${doing}: still at it, ${seconds(performance.now() - startedMs)}  ${last()}`);
  }, PROGRESS_EVERY_MS);
  try {
    const code = await new Promise<number | null>((resolve) => {
      child.once('error', (error) => {
        printed.stderr += error.message;
        resolve(null);
      });
      child.once('close', resolve);
    });
    return { code, ...printed };
  } finally {
    running.delete(child);
    clearInterval(progress);
  }
}

/** @returns what it printed on standard output. Fails with what it printed last unless it exits with 0. */
export async function succeeded(line: Line, options: ProgramOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await ended(line, options);
  if (code === 0) return stdout;
  const how = code === null ? 'was killed or could not start' : `exit code ${code}`;
  throw new Error(`${line.join(' ')}: ${how}\n${`${stdout}\n${stderr}`.trim().slice(-MAX_SHOWN_CHARACTERS)}`);
}

export function onPath(program: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(path.delimiter);
  return folders.map((folder) => path.join(folder, program)).find((file) => existsSync(file));
}

export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

export function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1)} s`;
}

function lastLineOf(text: string): string {
  return (
    text
      .trimEnd()
      .split(/[\r\n]/)
      .at(-1) ?? ''
  )
    .trim()
    .slice(0, 100);
}
