/** The worker as a process that the demo starts, loses and starts again. */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const START_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 15_000;
const LINES_KEPT = 20;

export interface WorkerProcess {
  readonly pid: number;
  /** The signal that ended it, or its exit code. */
  readonly ended: Promise<NodeJS.Signals | number>;
  /** What it printed last: for when it ended unasked. */
  lastLines(): string;
  /** Ends it and waits for that. Safe to repeat. */
  stop(): Promise<void>;
}

/** Resolves once it polls. */
export async function startWorkerProcess(env: NodeJS.ProcessEnv): Promise<WorkerProcess> {
  const child = fork(fileURLToPath(new URL('./worker.ts', import.meta.url)), {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const printed: string[] = [];
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      printed.push(...chunk.split('\n').filter((line) => line.trim() !== ''));
      printed.splice(0, printed.length - LINES_KEPT);
    });
  }
  const ended = new Promise<NodeJS.Signals | number>((resolve) =>
    child.once('exit', (code, signal) => resolve(signal ?? code ?? 1)),
  );
  const worker: WorkerProcess = {
    pid: child.pid!,
    ended,
    lastLines: () => printed.join('\n'),
    stop: () => stop(child, ended),
  };
  await untilPolling(child, worker);
  return worker;
}

async function untilPolling(child: ChildProcess, worker: WorkerProcess): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<string>(
    (resolve) => (timer = setTimeout(() => resolve(`did not poll within ${START_LIMIT_MS / 1000} s`), START_LIMIT_MS)),
  );
  const polling = new Promise<undefined>((resolve) => child.once('message', () => resolve(undefined)));
  const problem = await Promise.race([polling, worker.ended.then((how) => `ended at its start (${how})`), tooLong]);
  clearTimeout(timer);
  if (problem === undefined) return;
  await worker.stop();
  throw new Error(`The worker ${problem}. It printed:\n${worker.lastLines()}`);
}

async function stop(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
  await ended;
  clearTimeout(timer);
}
