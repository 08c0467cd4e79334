/** Waits for the end of a command's first process, and ends its group on time-out, cancellation or too much output. */
import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError } from '../../model/failure.ts';
import { longTimer } from '../long-timer.ts';
import type { Output } from './output.ts';
import { signalProcess } from './signal.ts';

export type KillReason = 'timeout' | 'aborted' | 'too-much-output';

export interface EndConditions {
  readonly argv: readonly string[];
  readonly timeoutMs?: number | undefined;
  /** Between SIGTERM and SIGKILL. */
  readonly killGraceMs: number;
  readonly signal: AbortSignal;
}

/**
 * @returns why it was killed; undefined: it ended by itself. @throws HoldfastError `storage-failed` when it can't be
 * ended
 */
export async function untilExit(
  child: ChildProcess,
  pid: number,
  { argv, timeoutMs, killGraceMs, signal }: EndConditions,
  output: Output,
): Promise<KillReason | undefined> {
  let killed: KillReason | undefined;
  const over = new AbortController();
  const kill = (why: KillReason): void => {
    if (killed !== undefined || over.signal.aborted) return;
    killed = why;
    signalProcess(-pid, 'SIGTERM');
    delay(killGraceMs, undefined, { signal: over.signal }).then(
      () => signalProcess(-pid, 'SIGKILL'),
      () => undefined,
    );
  };
  const onAbort = (): void => kill('aborted');
  signal.addEventListener('abort', onAbort, { once: true });
  output.onTooMuch = () => kill('too-much-output');
  const timer = timeoutMs === undefined ? undefined : longTimer(timeoutMs, () => kill('timeout'));
  try {
    if (signal.aborted) kill('aborted');
    await exited(child, argv[0]!);
    return killed;
  } finally {
    over.abort();
    timer?.end();
    signal.removeEventListener('abort', onAbort);
  }
}

async function exited(child: ChildProcess, program: string): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise<void>((resolve, reject) => {
    child.once('exit', () => resolve());
    child.once('error', (error) =>
      reject(
        new HoldfastError('storage-failed', `${program} could not be ended: ${error.message}.`, {}, { cause: error }),
      ),
    );
  });
}
