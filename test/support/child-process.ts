/**
 * Starts a script of the tests as a process of its own that may be killed. The process gets one JSON order as its last
 * argument; the last line of its standard output, if it writes any, is its answer in JSON.
 */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { inContainer, type Container } from './container.ts';

const MAX_STDERR_CHARS = 20_000;
const STOP_LIMIT_MS = 20_000;
const ENDS_WITH_ITS_TEST = new URL('ends-with-its-test.ts', import.meta.url).href;

export interface ChildEnd {
  /** null: ended by a signal. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  /** The last of it. */
  readonly stderr: string;
}

export interface StartedChild {
  readonly process: ChildProcess;
  /** Resolves when the process has ended and its output is complete. */
  readonly end: Promise<ChildEnd>;
  /** What it has written so far, for messages. */
  printed(): string;
  /** Resolves when standard output holds a line, or the process ends. */
  said(line: string): Promise<void>;
}

export interface ChildOptions {
  /** Path of the script. */
  readonly script: string;
  readonly order: unknown;
  /** Stands before the order where a module is a script only with it. */
  readonly role?: string;
  /** A folder where processes of one test find what another has compiled, unless the whole run has one. */
  readonly compiled?: string;
  /** Default: it sees what this process sees. */
  readonly container?: Container | undefined;
  /** Besides what this process has. */
  readonly env?: Readonly<Record<string, string>>;
}

export function startChild({ script, order, role, compiled, container, env }: ChildOptions): StartedChild {
  const args = [...(role === undefined ? [] : [role]), JSON.stringify(order)];
  const first = container === undefined ? ['--import', ENDS_WITH_ITS_TEST] : [];
  const line = [process.execPath, '--conditions=holdfast-source', ...first, script, ...args];
  const [command, ...rest] = container === undefined ? line : inContainer(container, line);
  const child = spawn(command!, rest, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...(compiled !== undefined && { NODE_COMPILE_CACHE: compiled }), ...process.env, ...env },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr = `${stderr}${chunk.toString()}`.slice(-MAX_STDERR_CHARS)));
  const end = new Promise<ChildEnd>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return {
    process: child,
    end,
    printed: () => stdout + stderr,
    said: (line) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (stdout.split('\n').includes(line)) resolve();
        };
        child.stdout.on('data', look);
        child.once('exit', () => resolve());
        look();
      }),
  };
}

/** The answer of a process; undefined: it was killed. Fails when it ended otherwise. */
export async function answerOf<T>({ end }: Pick<StartedChild, 'end'>): Promise<T | undefined> {
  const { code, signal, stdout, stderr } = await end;
  if (signal === 'SIGKILL') return undefined;
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as T;
}

/** Resolves when the process has ended, also if it has already. */
export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

/** By SIGKILL; resolves when the process has ended. */
export async function killed(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await ended(child);
}

/** Resolves when the process has stopped (SIGSTOP). @param where it was to stop, for the message */
export async function stopped(child: ChildProcess, where: string): Promise<void> {
  for (const limit = Date.now() + STOP_LIMIT_MS; !isStopped(child.pid!); await delay(10))
    assert.ok(Date.now() < limit && child.exitCode === null, `it never came to ${where}`);
}

/** /proc shows state T after the name in brackets. */
function isStopped(pid: number): boolean {
  return readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .startsWith('T');
}
