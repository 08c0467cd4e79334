/** A fork of a test job, and what it would remember. */
import { randomUUID } from 'node:crypto';
import { cpSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { hash } from 'node:crypto';
import type { PreparedFork } from '../../src/fork/prepared.ts';
import type { ChainPlace } from '../../src/model/job/chain-place.ts';
import type { TestJobMemory } from '../../src/testing.ts';
import { readLedger } from './ledger.ts';

/** What a process says that makes a fork and begins it, unless it is killed. */
export interface ForkAnswer {
  readonly kind: string;
  readonly jobId: string;
  readonly message?: string;
}

/**
 * Where a process that was killed has begun the fork `forked@run`: what its Workflow remembers, and asks again with.
 * @param place in the other job's record, where it was forked
 */
export function memoryIfBegun(into: string, place: ChainPlace): { readonly memory?: TestJobMemory } {
  if (!existsSync(into) || !readLedger(into, (ledger) => ledger.jobIds().includes('forked@run'))) return {};
  const runs = { workflowId: 'forked', firstRunId: 'run', runId: 'run' };
  return { memory: { ...runs, term: 0, known: place, base: place, steps: [], generations: {} } };
}

export function memoryOfFork({ fork }: PreparedFork): TestJobMemory {
  const { seq, head } = fork.from;
  const runId = randomUUID();
  return {
    workflowId: fork.workflowId,
    firstRunId: runId,
    runId,
    term: 0,
    known: { seq, head },
    base: { seq, head },
    steps: [],
    generations: fork.generations,
  };
}

/** Of everything below a folder, Holdfast's own files among it: path → mode, size, time and SHA-256. */
export function fingerprint(folder: string): Readonly<Record<string, string>> {
  const seen: Record<string, string> = {};
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const { mode, size, mtimeMs } = statSync(path);
    // SQLite writes its index of the log for whoever reads.
    if (path.endsWith('-shm')) continue;
    const content = entry.isFile() ? hash('sha256', readFileSync(path)) : '';
    seen[path] = `${mode} ${entry.isFile() ? size : ''} ${entry.isFile() ? mtimeMs : ''} ${content}`;
  }
  return seen;
}

export function copied(from: string, to: string): void {
  cpSync(from, to, { recursive: true });
}
