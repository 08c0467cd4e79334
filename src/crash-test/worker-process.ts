/**
 * A worker process of a crash test, seen from outside.
 *
 * Invariant: it ends with whoever started it: it holds the other end of the channel.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { HoldfastError } from '../model/failure.ts';
import type { ChildMessage, ChildOrder, GoMessage, OrderedFault } from './child/order.ts';

const MAIN = fileURLToPath(new URL(`./child/main.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url));
const MAX_PRINTED = 8_000;

export interface WorkerProcess {
  readonly pid: number;
  /** What ended it. */
  readonly ended: Promise<NodeJS.Signals | number>;
  /** Resolves once it has loaded everything; what ends it before that rejects. */
  readonly loaded: Promise<void>;
  /** Resolves once it polls; what ends it before that rejects. It goes on to the first of the faults that it meets. */
  poll(faults: readonly OrderedFault[]): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** By SIGKILL. Safe to repeat. */
  stop(): Promise<void>;
  printed(): string;
}

export interface Launch {
  readonly env: NodeJS.ProcessEnv;
  /** In place of Node itself: a program that runs it. */
  readonly through?: readonly string[];
  /** Is given what ends the process at once; what it returns is called once that has ended. */
  readonly keep: (end: () => void) => () => void;
}

export function startWorkerProcess(order: ChildOrder, { env, through = [], keep }: Launch): WorkerProcess {
  const [program = process.execPath, ...before] = through;
  const child = fork(MAIN, [JSON.stringify(order)], {
    // What a step writes by a relative path past ctx is then the run's own.
    cwd: order.workspaceRoot,
    env,
    execPath: program,
    execArgv: [...(through.length > 0 ? [...before, process.execPath] : []), ...ownArguments()],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // Its own group: Ctrl-C is its starter's alone, and what it runs, or is run by, is ended together with it.
    detached: true,
  });
  const isRunning = (): boolean => child.pid !== undefined && child.exitCode === null && child.signalCode === null;
  const end = (): void => {
    if (!isRunning()) return;
    try {
      process.kill(-child.pid!, 'SIGKILL');
    } catch (error) {
      // It has ended, and nobody has been told yet.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  };
  const forget = keep(end);
  let printed = '';
  for (const stream of [child.stdout!, child.stderr!])
    stream.setEncoding('utf8').on('data', (chunk: string) => (printed = `${printed}${chunk}`.slice(-MAX_PRINTED)));
  const ended = new Promise<NodeJS.Signals | number>((resolve) => {
    const endedBy = (how: NodeJS.Signals | number): void => {
      forget();
      resolve(how);
    };
    child.once('exit', (code, signal) => endedBy(signal ?? code ?? 1));
    child.once('error', () => endedBy(1));
  });
  const said = (message: ChildMessage): Promise<void> => {
    const heard = new Promise<void>((resolve) =>
      child.on('message', (given) => {
        if (given === message) resolve();
      }),
    );
    const lost = ended.then((how) => {
      throw new EndedEarly(how, printed);
    });
    return Promise.race([heard, lost]);
  };
  const loaded = said('loaded');
  // Told to whoever asks.
  loaded.catch(() => undefined);
  return {
    pid: child.pid ?? -1,
    ended,
    loaded,
    poll: async (faults) => {
      await loaded;
      const polling = said('polling');
      child.send({ faults } satisfies GoMessage, () => undefined);
      await polling;
    },
    signal: (name) => void child.kill(name),
    stop: async () => {
      end();
      await ended;
    },
    printed: () => printed,
  };
}

/** It ended before it polled. */
export class EndedEarly extends HoldfastError {
  readonly how: NodeJS.Signals | number;
  constructor(how: NodeJS.Signals | number, printed: string) {
    super('bad-input', `The worker ended at its start (${how}). It printed:\n${printed.trim()}`, {
      nextStep: 'Run it alone to see why: holdfast worker.',
    });
    this.how = how;
  }
}

/** How this process itself was started, less what belongs to it alone. */
function ownArguments(): readonly string[] {
  return shareableArguments(process.execArgv);
}

const OF_ONE_PROCESS = /^--(test|inspect|eval|print|input-type|cpu-prof|heap-prof|watch)|^-[ep]$/;

/** Options of Node that hold for a process that runs another module, too, each with its value. */
export function shareableArguments(given: readonly string[]): readonly string[] {
  const isLeft = (at: number): boolean => OF_ONE_PROCESS.test(given[at] ?? '');
  // What does not begin with a dash is the value of what stands before it.
  return given.filter((argument, at) => !isLeft(at) && (argument.startsWith('-') || at === 0 || !isLeft(at - 1)));
}
