/** Directories that are gone when the benchmark ends, also when it is interrupted. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const INTERRUPTED = 130;

/** A figure may make many: one listener removes them all. */
const made = new Set<string>();

export function makeTemporaryDirectory(): string {
  if (made.size === 0) process.once('exit', () => made.forEach(removeDirectory));
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
  made.add(directory);
  return directory;
}

/** Safe to repeat; a worker that is just ending may still write there. */
export function removeDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
}

/** An interrupt ends the process by way of its `exit` handlers; worker processes and the server end with it. */
export function exitOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(INTERRUPTED));
}
