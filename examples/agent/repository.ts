/** A new git repository with a failing test, made from `project/`. */
import { execFile } from 'node:child_process';
import { cp, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export async function makeRepository(folder: string): Promise<void> {
  await mkdir(path.dirname(folder), { recursive: true });
  await cp(path.join(import.meta.dirname, 'project'), folder, { recursive: true });
  const who = ['-c', 'user.name=example', '-c', 'user.email=example@example.com'];
  await run('git', ['init', '--quiet', '--initial-branch=main', folder]);
  await run('git', ['-C', folder, 'add', '.']);
  await run('git', ['-C', folder, ...who, 'commit', '--quiet', '--message', 'A till that never rounds up']);
}
