/** The demo as a process of its own, with a folder for what it makes. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { TestTemporal } from './temporal.ts';

export const checkout = fileURLToPath(new URL('../..', import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

interface DemoOptions {
  /** What it has printed when Ctrl-C comes. */
  readonly interruptWhen?: string;
  readonly env?: NodeJS.ProcessEnv;
}

interface TestDemo {
  readonly folder: string;
  readonly demo: (args: readonly string[], options?: DemoOptions) => Promise<Ended>;
}

/** Call it once, at the top of a test file. */
export function testDemo(temporal: TestTemporal): TestDemo {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-demo-test-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const demo = async (args: readonly string[], { interruptWhen, env = {} }: DemoOptions = {}): Promise<Ended> => {
    const child = spawn(process.execPath, ['demo/run.ts', ...args], {
      cwd: checkout,
      env: { ...process.env, ...temporal.env, TMPDIR: folder, NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = { out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      ended.out += chunk;
      if (interruptWhen !== undefined && ended.out.includes(interruptWhen)) child.kill('SIGINT');
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (ended.err += chunk));
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    return { code, ...ended };
  };
  return { folder, demo };
}
