/**
 * Runs one command to its end, and everything that it starts with it.
 *
 * Invariants
 * 1. When it returns or throws, no process of the command is left, as far as they can be found (process-leftovers.ts).
 * 2. It ends with this process, also by SIGKILL: a shell that waits for the end of its standard input kills the group.
 * 3. Memory doesn't grow with its output.
 * 4. Its environment is what is given, besides the variable that marks its processes.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError } from '../../model/failure.ts';
import { BoundedText } from './bounded-text.ts';
import {
  killLeftovers,
  MARKER_VARIABLE,
  signalProcess,
  waitForLeftovers,
  type CommandMark,
  type Leftover,
} from './leftovers.ts';

export interface ProcessRequest {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Marks its processes; unique. */
  readonly marker: string;
  /** Its own folder, if it has one. */
  readonly folder?: string;
  readonly timeoutMs?: number | undefined;
  readonly killGraceMs: number;
  readonly maxOutputBytes?: number | undefined;
  readonly maxTextBytes: number;
  readonly maxLogBytes: number;
  readonly signal: AbortSignal;
  /** Of what it prints: what may be kept and shown. A filter for each stream; `end` gives what was held back. Default: all of it. */
  readonly filter?: () => { push(text: string): string; end(): string };
  /** The last line so far; not each one, and cut. */
  readonly onLine?: (line: string) => void;
}

export interface ProcessEnd {
  /** Null: ended by a signal. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it was killed, if it was by us. */
  readonly killed: 'timeout' | 'aborted' | 'too-much-output' | undefined;
  /** Processes that ran on after it had ended; they are killed. */
  readonly leftBehind: readonly Leftover[];
  readonly stdout: BoundedText;
  readonly stderr: BoundedText;
  readonly log: BoundedText;
}

/** What ends by itself so shortly after the command was no daemon. */
const LEFTOVER_GRACE_MS = 500;
/** Between two lines of progress. */
const LINE_PAUSE_MS = 500;
const MAX_LINE_CHARACTERS = 200;
/** The pipes of a dead process group are closed at once; one that isn't is held by somebody who escaped. */
const PIPE_LIMIT_MS = 2_000;

const WATCHER = 'read nothing; kill -KILL "-$1"';

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
  try {
    const killed = await untilExit(child, pid, request, output);
    const leftBehind = await waitForLeftovers(mark, killed === undefined ? LEFTOVER_GRACE_MS : 0, [watcher.pid ?? 0]);
    if (leftBehind.length > 0) await killLeftovers(mark, [watcher.pid ?? 0]);
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
    await killLeftovers(mark, [watcher.pid ?? 0]);
    throw error;
  } finally {
    watcher.kill('SIGKILL');
  }
}

/** As a shell finds it, told before it is tried. @throws HoldfastError `not-found`, `permission-denied` */
export function findProgram(name: string, cwd: string, path: string | undefined): string {
  if (name.includes('/')) {
    const place = isAbsolute(name) ? name : resolve(cwd, name);
    return mustRun(place, `There is no program ${name}${isAbsolute(name) ? '' : ` in ${cwd}`}.`);
  }
  const folders = (path ?? '').split(':').filter((folder) => folder !== '');
  for (const folder of folders) {
    const place = join(isAbsolute(folder) ? folder : resolve(cwd, folder), name);
    if (isProgram(place)) return place;
  }
  throw new HoldfastError(
    'not-found',
    `There is no program "${name}". Searched PATH: ${folders.join(':') || 'it is empty'}. Install it for the worker, or name PATH in the command's env or envFrom.`,
    { program: name, path: path ?? '' },
  );
}

function mustRun(place: string, missing: string): string {
  const stat = statSync(place, { throwIfNoEntry: false });
  if (stat === undefined) throw new HoldfastError('not-found', missing, { program: place });
  if (!isProgram(place))
    throw new HoldfastError(
      'permission-denied',
      `${place} cannot be run: it is ${stat.isFile() ? 'not executable' : 'no file'}.`,
      { program: place },
    );
  return place;
}

function isProgram(place: string): boolean {
  try {
    accessSync(place, constants.X_OK);
    return statSync(place).isFile();
  } catch {
    return false;
  }
}

async function spawned(child: ChildProcess, { argv, cwd }: ProcessRequest): Promise<number> {
  await new Promise<void>((done, failed) => {
    child.once('spawn', done);
    child.once('error', (error: NodeJS.ErrnoException) => {
      const type =
        error.code === 'ENOENT'
          ? 'not-found'
          : error.code === 'EACCES' || error.code === 'EPERM'
            ? 'permission-denied'
            : error.code === 'E2BIG'
              ? 'bad-input'
              : 'storage-failed';
      failed(
        new HoldfastError(
          type,
          `${argv[0]} could not be started in ${cwd}: ${error.code ?? error.message}.`,
          { program: argv[0] },
          { cause: error },
        ),
      );
    });
  });
  return child.pid!;
}

/** A group of its own, so that what ends this process's group doesn't end it first. */
function startWatcher(pid: number): ChildProcess {
  const watcher = spawn('/bin/sh', ['-c', WATCHER, 'holdfast-watch', String(pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: {},
  });
  watcher.on('error', () => undefined);
  watcher.stdin?.on('error', () => undefined);
  return watcher;
}

async function untilExit(
  child: ChildProcess,
  pid: number,
  { timeoutMs, killGraceMs, signal, argv }: ProcessRequest,
  output: Output,
): Promise<ProcessEnd['killed']> {
  let killed: ProcessEnd['killed'];
  const over = new AbortController();
  const end = (why: NonNullable<ProcessEnd['killed']>): void => {
    if (killed !== undefined || over.signal.aborted) return;
    killed = why;
    signalProcess(-pid, 'SIGTERM');
    delay(killGraceMs, undefined, { signal: over.signal }).then(
      () => signalProcess(-pid, 'SIGKILL'),
      () => undefined,
    );
  };
  const onAbort = (): void => end('aborted');
  signal.addEventListener('abort', onAbort, { once: true });
  output.onTooMuch = () => end('too-much-output');
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => end('timeout'), timeoutMs);
  try {
    if (signal.aborted) end('aborted');
    await new Promise<void>((done, failed) => {
      if (child.exitCode !== null || child.signalCode !== null) return done();
      child.once('exit', () => done());
      child.once('error', (error) =>
        failed(
          new HoldfastError('storage-failed', `${argv[0]} could not be ended: ${error.message}.`, {}, { cause: error }),
        ),
      );
    });
    return killed;
  } finally {
    over.abort();
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

class Output {
  readonly stdout: BoundedText;
  readonly stderr: BoundedText;
  readonly log: BoundedText;
  onTooMuch: () => void = () => undefined;
  readonly #child: ChildProcess;
  readonly #onLine: ProcessRequest['onLine'];
  /** What filters hold back until the end. */
  readonly #heldBack: (() => void)[] = [];
  #line = '';
  #toldAtMs = 0;

  constructor(request: ProcessRequest, child: ChildProcess) {
    this.stdout = new BoundedText(request.maxTextBytes);
    this.stderr = new BoundedText(request.maxTextBytes);
    this.log = new BoundedText(request.maxLogBytes);
    this.#child = child;
    this.#onLine = request.onLine;
    for (const [stream, text] of [
      [child.stdout!, this.stdout],
      [child.stderr!, this.stderr],
    ] as const) {
      stream.on('error', () => undefined);
      const take = (chunk: Buffer): void => {
        text.add(chunk);
        this.log.add(chunk);
        if (request.maxOutputBytes !== undefined && this.log.sizeBytes > request.maxOutputBytes) this.onTooMuch();
        this.#tell(chunk);
      };
      const filter = request.filter?.();
      const decoder = new TextDecoder();
      stream.on('data', (chunk: Buffer) =>
        take(filter === undefined ? chunk : Buffer.from(filter.push(decoder.decode(chunk, { stream: true })))),
      );
      if (filter !== undefined)
        this.#heldBack.push(() => take(Buffer.from(filter.push(decoder.decode()) + filter.end())));
    }
  }

  async closed(): Promise<void> {
    const streams = [this.#child.stdout!, this.#child.stderr!].filter((stream) => !stream.closed);
    const over = new AbortController();
    const all = Promise.all(
      streams.map((stream) => new Promise<void>((done) => (stream.closed ? done() : stream.once('close', done)))),
    );
    await Promise.race([all, delay(PIPE_LIMIT_MS, undefined, { signal: over.signal }).catch(() => undefined)]);
    over.abort();
    for (const stream of streams) stream.destroy();
    // Nothing comes any more. A stream says that it is closed before it emits so: its event would be too late here.
    for (const take of this.#heldBack.splice(0)) take();
  }

  #tell(chunk: Buffer): void {
    if (this.#onLine === undefined) return;
    const lines = `${this.#line}${chunk.subarray(-4 * MAX_LINE_CHARACTERS).toString()}`.split(/[\r\n]+/);
    this.#line = lines.pop()!.slice(-2 * MAX_LINE_CHARACTERS);
    const last = lines.map(plainLine).findLast((line) => line !== '');
    if (last === undefined || Date.now() - this.#toldAtMs < LINE_PAUSE_MS) return;
    this.#toldAtMs = Date.now();
    this.#onLine(last.length <= MAX_LINE_CHARACTERS ? last : `${last.slice(0, MAX_LINE_CHARACTERS)}…`);
  }
}

/** What moves a terminal's cursor or colours it. */
// oxlint-disable-next-line no-control-regex -- control characters are what is taken out
const ESCAPE_SEQUENCE = /\u001b\[[0-?]*[ -/]*[@-~]/g;
// oxlint-disable-next-line no-control-regex -- the same
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f]/g;

function plainLine(line: string): string {
  return line.replace(ESCAPE_SEQUENCE, '').replace(CONTROL_CHARACTER, ' ').trim();
}
