/** Who decides, where nobody says: git's user.email, else the user of this host. */
import { spawnSync } from 'node:child_process';
import os from 'node:os';
import { Option } from 'commander';
import type { Terminal } from './terminal.ts';

const GIT_LIMIT_MS = 2_000;

/** Of commands whose record has who wanted it, and why. @param does what the person does: `decides` */
export function personOptions(does: string): readonly Option[] {
  return [
    new Option('--by <who>', `who ${does}; default: user.email of git, else user@host`),
    new Option('--reason <why>', 'why, in a few words; kept in the record'),
  ];
}

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
