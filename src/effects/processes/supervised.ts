/**
 * A server as a child process that never outlives its parent.
 *
 * Invariants
 * 1. The child ends when this process does, also by SIGKILL: a shell between the two waits for the end of its standard
 *    input, which only the parent holds open.
 * 2. It has its own process group; what still runs of the group after a stop is killed by the group's id.
 * 3. The folder given as `removeAfterwards` is removed once the child has ended, for whatever reason.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { defined } from '../../model/defined.ts';

/** How long a server may take to end by itself after SIGTERM before it is killed. */
const STOP_LIMIT_MS = 10_000;
const MAX_LAST_LINES = 30;

export interface SupervisedOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
  /** What tells the server to end. PostgreSQL wants INT: TERM waits for its clients. */
  readonly stopSignal?: 'TERM' | 'INT';
  /** An absolute path. */
  readonly removeAfterwards?: string;
  /** Each line that the server prints. */
  readonly onLine?: (line: string) => void;
}

export interface SupervisedProcess {
  /** Also the id of the process group. */
  readonly pid: number;
  /** The exit code once it has ended, else undefined. */
  readonly exitCode: number | undefined;
  /** Resolves when it has ended, for whatever reason. */
  readonly ended: Promise<void>;
  /** The last lines that it printed: what to show when it ended unasked. */
  lastLines(): string;
  /** Ends it and waits for that; `keepFolder`: for this once `removeAfterwards` isn't. Safe to repeat. */
  stop(options?: { readonly keepFolder?: boolean }): Promise<void>;
}

/*
 * `$1` is the signal, `$2` the folder to remove or nothing, then comes the command. The server holds neither the pipe
 * nor a terminal. USR1 says that the folder is to stay. `kill 0` ends the subshell that waits; by then the shell itself
 * ignores that signal. Why this is not the watcher of a command is said in `watcher.ts`.
 */
const SUPERVISOR = `
signal=$1; folder=$2; shift 2
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
trap 'kill -$signal $server' TERM INT HUP
trap 'folder=' USR1
{
  trap - TERM INT HUP
  cat <&3
  kill -$signal $server
  sleep ${STOP_LIMIT_MS / 1000}
  kill -KILL $server
} >/dev/null 2>&1 &
exec 3<&-
wait $server; status=$?
while kill -0 $server 2>/dev/null; do wait $server; status=$?; done
trap '' TERM INT HUP
if [ -n "$folder" ]; then rm -rf -- "$folder"; fi
kill -TERM 0
exit $status
`;

/** Starts it; says nothing about whether it is ready. @throws the spawn's own error when there is no shell. */
export function startSupervised(options: SupervisedOptions): SupervisedProcess {
  const script = ['-c', SUPERVISOR, 'supervisor', options.stopSignal ?? 'TERM', options.removeAfterwards ?? ''];
  const child = spawn('/bin/sh', [...script, options.command, ...options.args], {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: options.env ?? process.env,
    ...defined({ cwd: options.cwd, uid: options.uid, gid: options.gid }),
  });
  // Writing to a shell that has ended is an error of the pipe only: `ended` tells it.
  child.stdin.on('error', () => undefined);
  const lines = new LastLines(options.onLine);
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => lines.add(chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => lines.add(chunk));
  const ended = once(child, 'exit').then(() => undefined);
  // A failed spawn rejects `ended`; nobody has to wait for it.
  ended.catch(() => undefined);
  return {
    pid: child.pid ?? -1,
    get exitCode() {
      return child.exitCode ?? (child.signalCode === null ? undefined : 128);
    },
    ended,
    lastLines: () => lines.text(),
    async stop({ keepFolder = false } = {}) {
      if (keepFolder && child.exitCode === null) child.kill('SIGUSR1');
      child.stdin.end();
      const late = new AbortController();
      const limit = delay(STOP_LIMIT_MS + 2_000, 'late', { signal: late.signal }).catch(() => 'ended');
      if ((await Promise.race([ended, limit])) === 'late' && child.pid !== undefined) {
        process.kill(-child.pid, 'SIGKILL');
        await ended;
      }
      late.abort();
    },
  };
}

class LastLines {
  readonly #lines: string[] = [];
  readonly #onLine: ((line: string) => void) | undefined;
  #rest = '';

  constructor(onLine: ((line: string) => void) | undefined) {
    this.#onLine = onLine;
  }

  add(chunk: string): void {
    const parts = (this.#rest + chunk).split('\n');
    this.#rest = parts.pop() ?? '';
    for (const line of parts) {
      this.#onLine?.(line);
      this.#lines.push(line);
      if (this.#lines.length > MAX_LAST_LINES) this.#lines.shift();
    }
  }

  text(): string {
    return [...this.#lines, this.#rest].join('\n').trim();
  }
}
