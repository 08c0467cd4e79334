/** Files that nobody may change or remove, the superuser included (`chattr +i`). */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function lockFile(path: string): void {
  execFileSync('chattr', ['+i', path], { stdio: 'pipe' });
}

export function unlockFile(path: string): void {
  execFileSync('chattr', ['-i', path], { stdio: 'pipe' });
}

/** Can this be done here? A reason to skip, or false. */
export function whyNotImmutable(): string | false {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-immutable-'));
  const file = join(folder, 'file');
  try {
    writeFileSync(file, '');
    lockFile(file);
    unlockFile(file);
    return false;
  } catch {
    return 'this host or file system has no immutable files (chattr +i)';
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
