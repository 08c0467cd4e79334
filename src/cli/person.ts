/** Who decides, where nobody says: git's user.email, else the user of this host. */
import { spawnSync } from 'node:child_process';
import os from 'node:os';
import type { Terminal } from './terminal.ts';

const GIT_LIMIT_MS = 2_000;

export function whoDecides(terminal: Pick<Terminal, 'cwd' | 'env'>, given: string | undefined): string {
  if (given !== undefined) return given;
  const env = Object.fromEntries(Object.entries(terminal.env).filter(([, value]) => value !== undefined));
  const git = spawnSync('git', ['config', '--get', 'user.email'], {
    cwd: terminal.cwd,
    env,
    encoding: 'utf8',
    timeout: GIT_LIMIT_MS,
  });
  const email = git.status === 0 ? git.stdout.trim() : '';
  if (email !== '') return email;
  return `${env['USER'] ?? env['LOGNAME'] ?? os.userInfo().username}@${os.hostname()}`;
}
