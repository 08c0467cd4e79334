/**
 * The watcher of a command: a shell beside it that kills the command's process group when this process ends, also by
 * SIGKILL.
 *
 * It differs from the supervisor of a server (`supervised.ts`) in what it must not do: a command is the direct child of
 * this process, which has its exit code, its streams and the errors of its start from the system itself, and which is
 * to be killed at once and without a word. The supervisor is the parent of its server: it tells the server to end,
 * gives it time and removes a folder afterwards.
 */
import { spawn, type ChildProcess } from 'node:child_process';

/** `$1` is the group. `read` ends when the standard input does, which only this process holds open. */
const WATCHER = 'read nothing; kill -KILL "-$1"';

/** The watcher has a group of its own, so that what ends this process's group doesn't end it first. */
export function startWatcher(group: number): ChildProcess {
  const watcher = spawn('/bin/sh', ['-c', WATCHER, 'holdfast-watch', String(group)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: {},
  });
  watcher.on('error', () => undefined);
  watcher.stdin?.on('error', () => undefined);
  return watcher;
}
