/**
 * How often a step waits for the disk: calls of fsync and fdatasync, counted by strace in the processes of one
 * contender, its own servers among them, and in those of PostgreSQL.
 *
 * Invariant: what is counted runs more slowly, so that it is never also timed.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Shares } from './contender.ts';
import { isRunning, withDescendants } from './processes.ts';

const ATTACH_LIMIT_MS = 10_000;

/** @throws an Error that says why they can't be counted here */
export async function countFsyncs(
  roots: { readonly own: number; readonly postgres: number; readonly folder: string },
  act: () => Promise<void>,
): Promise<Shares> {
  const own = await attach(roots.own, join(roots.folder, 'own.strace'));
  try {
    const postgres = await attach(roots.postgres, join(roots.folder, 'postgres.strace'));
    try {
      await act();
    } finally {
      await postgres.detach();
    }
    return { own: await own.count(), postgres: await postgres.count() };
  } finally {
    await own.detach();
  }
}

interface Attached {
  detach(): Promise<void>;
  /** Detaches first. */
  count(): Promise<number>;
}

/** To the process and all below it; those that begin later are followed. */
async function attach(root: number, output: string): Promise<Attached> {
  const pids = withDescendants(root);
  const args = ['-f', '-e', 'trace=fsync,fdatasync', '-o', output, ...pids.flatMap((pid) => ['-p', String(pid)])];
  const child = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const end = ended(child);
  let printed = '';
  await new Promise<void>((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error(`strace did not attach: ${printed}`)), ATTACH_LIMIT_MS);
    child.once('error', (error) => reject(new Error(`strace can't be run (${error.message})`)));
    child.once('exit', () => reject(new Error(`strace can't watch: ${printed.trim().split('\n')[0] ?? ''}`)));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      printed += chunk;
      if (pids.every((pid) => printed.includes(`Process ${pid} attached`) || !isRunning(pid))) {
        clearTimeout(limit);
        resolve();
      }
    });
  });
  const detach = async (): Promise<void> => {
    child.kill('SIGINT');
    await end;
  };
  return {
    detach,
    count: async () => {
      await detach();
      // A call that another thread interrupts is printed as begun and, in another form, as resumed: begun counts.
      return readFileSync(output, 'utf8').match(/\bf(?:data)?sync\(/g)?.length ?? 0;
    },
  };
}

async function ended(child: ChildProcess): Promise<void> {
  await once(child, 'exit').catch(() => undefined);
}
