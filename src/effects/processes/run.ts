/**
 * Runs one command to its end, and everything that it starts with it.
 *
 * Invariants
 * 1. When it returns or throws, no process of the command runs, as far as they can be found (`mark.ts`).
 * 2. It ends with this process, also by SIGKILL (`watcher.ts`).
 * 3. Memory doesn't grow with its output.
 * 4. Its environment is what is given, besides the variable that marks its processes.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { HoldfastError } from '../../model/failure.ts';
import type { FailureType } from '../../model/failures.ts';
import { findProgram } from './find-program.ts';
import { killLeftoverProcesses, waitForLeftoverProcesses, type LeftoverProcess } from './leftovers.ts';
import { MARKER_VARIABLE, type CommandMark } from './mark.ts';
import { Output, type OutputOptions } from './output.ts';
import { untilExit, type KillReason } from './until-exit.ts';
import type { BoundedText } from './bounded-text.ts';
import { startWatcher } from './watcher.ts';

export interface ProcessRequest extends OutputOptions {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Marks its processes; unique. */
  readonly marker: string;
  /** Its own folder, if it has one. */
  readonly folder?: string;
  /** Default: no limit. */
  readonly timeoutMs?: number | undefined;
  /** Between SIGTERM and SIGKILL. */
  readonly killGraceMs: number;
  readonly signal: AbortSignal;
}

export interface ProcessEnd {
  /** Null: ended by a signal. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it was killed, if this process killed it. */
  readonly killed: KillReason | undefined;
  /** Processes that ran on after it had ended; they are killed. */
  readonly leftBehind: readonly LeftoverProcess[];
  readonly stdout: BoundedText;
  readonly stderr: BoundedText;
  readonly log: BoundedText;
}

/** What ends by itself so shortly after the command was no daemon. */
const LEFTOVER_GRACE_MS = 500;

/** @throws HoldfastError `not-found` (no such program), `permission-denied`, `bad-input`, `storage-failed` */
export async function runProcess(request: ProcessRequest): Promise<ProcessEnd> {
  const program = findProgram(request.argv[0]!, request.cwd, request.env['PATH']);
  const child = spawn(program, request.argv.slice(1), {
    argv0: request.argv[0]!,
    cwd: request.cwd,
    env: { ...request.env, [MARKER_VARIABLE]: request.marker },
    // A session and a group of its own.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = new Output(request, child);
  const pid = await spawned(child, request);
  const mark: CommandMark = { marker: request.marker, leader: pid, folder: request.folder };
  const watcher = startWatcher(pid);
  const watcherPid = watcher.pid ?? 0;
  try {
    const killed = await untilExit(child, pid, request, output);
    const graceMs = killed === undefined ? LEFTOVER_GRACE_MS : 0;
    const leftBehind = await waitForLeftoverProcesses(mark, graceMs, [watcherPid]);
    if (leftBehind.length > 0) await killLeftoverProcesses(mark, [watcherPid]);
    await output.closed();
    return {
      exitCode: child.exitCode,
      signal: child.signalCode,
      killed,
      leftBehind: killed === undefined ? leftBehind : [],
      stdout: output.stdout,
      stderr: output.stderr,
      log: output.log,
    };
  } catch (error) {
    await killLeftoverProcesses(mark, [watcherPid]);
    throw error;
  } finally {
    watcher.kill('SIGKILL');
  }
}

async function spawned(child: ChildProcess, { argv, cwd }: ProcessRequest): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new HoldfastError(
          typeOfSpawnError(error),
          `${argv[0]} could not be started in ${cwd}: ${error.code ?? error.message}.`,
          { program: argv[0] },
          { cause: error },
        ),
      ),
    );
  });
  return child.pid!;
}

function typeOfSpawnError({ code }: NodeJS.ErrnoException): FailureType {
  switch (code) {
    case 'ENOENT':
      return 'not-found';
    case 'EACCES':
    case 'EPERM':
      return 'permission-denied';
    case 'E2BIG':
      return 'bad-input';
    default:
      return 'storage-failed';
  }
}
