/**
 * Faults at system calls, by strace (Linux): the n-th call of a thread is the last thing that the process does, or it
 * fails. With one thread for file calls (`UV_THREADPOOL_SIZE=1`) the n-th is nearly always the same.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { HoldfastError } from '../model/failure.ts';
import type { CrashCase } from './cases.ts';
import type { Injection } from './injection.ts';

/** What changes something that lasts, and how each can fail. */
const CALLS: Readonly<Record<string, readonly string[]>> = {
  fsync: ['EIO', 'ENOSPC'],
  fdatasync: ['EIO', 'ENOSPC'],
  pwrite64: ['EIO', 'ENOSPC'],
  ftruncate: ['EIO'],
  rename: ['EACCES', 'EIO'],
  link: ['EACCES', 'EMFILE'],
  unlink: ['EACCES', 'EROFS'],
  mkdir: ['EACCES', 'ENOSPC'],
  rmdir: ['EACCES'],
};
/** Of one call, so many places are taken. */
const PLACES = 3;
/** One thread for file calls: the count of a thread is then nearly that of the process. */
export const ONE_THREAD = { UV_THREADPOOL_SIZE: '1' };

/** @throws HoldfastError `bad-input` where there is none */
export function mustHaveStrace(option: string): void {
  const found =
    process.platform === 'linux' ? spawnSync('strace', ['-f', '-qq', '-e', 'trace=none', 'true']) : undefined;
  if (found?.status === 0) return;
  const why = found === undefined ? 'this is no Linux' : (found.error?.message ?? found.stderr.toString().trim());
  throw new HoldfastError('bad-input', `${option} needs strace, which can't be run here: ${why}.`, {
    nextStep: `Install strace (and let it trace: in a container --cap-add SYS_PTRACE), or leave ${option} out.`,
  });
}

/** The words before the program that is run. */
export function straceWords(log: string, injection?: Injection): readonly string[] {
  const words = ['strace', '-f', '-qq', '-o', log, '-e', `trace=${Object.keys(CALLS).join(',')}`];
  if (injection === undefined) return words;
  const { call, place, error } = injection;
  const fault = error === undefined ? 'signal=SIGKILL' : `error=${error}`;
  return [...words, '-e', `inject=${call}:${fault}:when=${place}`];
}

/** Call → the most that one thread has made. */
export function countedCalls(log: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  const most = new Map<string, number>();
  for (const [, thread = '', call = ''] of logged(log).matchAll(/^(\d+) +(\w+)\(/gm)) {
    const count = (counts.get(`${thread} ${call}`) ?? 0) + 1;
    counts.set(`${thread} ${call}`, count);
    most.set(call, Math.max(most.get(call) ?? 0, count));
  }
  return most;
}

/** Was the fault injected? */
export function isInjected(log: string): boolean {
  return logged(log).includes('(INJECTED)') || logged(log).includes('killed by SIGKILL');
}

function logged(log: string): string {
  return existsSync(log) ? readFileSync(log, 'utf8') : '';
}

export interface InjectionChoice {
  readonly kills: boolean;
  readonly errors: boolean;
  readonly random: () => number;
}

export function chooseInjections(
  counts: ReadonlyMap<string, number>,
  { kills, errors, random }: InjectionChoice,
): readonly CrashCase[] {
  return [...counts].flatMap(([call, count]) => {
    const places = new Set<number>();
    while (places.size < Math.min(count, PLACES)) places.add(1 + Math.floor(random() * count));
    const failing = errors ? (CALLS[call] ?? []) : [];
    return [...places]
      .toSorted((a, b) => a - b)
      .flatMap((place) => [
        ...(kills ? [caseOf({ call, place })] : []),
        ...failing.map((error) => caseOf({ call, place, error })),
      ]);
  });
}

function caseOf(injection: Injection): CrashCase {
  const { call, place, error } = injection;
  const how = error === undefined ? 'syscall' : 'io-error';
  const name = error === undefined ? call : `${call}.${error}`;
  return { id: `${how}@${name}:${place}`, how, kills: [], injection };
}

/** `syscall@rename:3`, `io-error@fsync.EIO:2`. Undefined: it is none of these. */
export function namedInjection(text: string): CrashCase | undefined {
  const match = /^(?:syscall@(?<killed>\w+)|io-error@(?<failing>\w+)\.(?<error>E[A-Z]+)):(?<place>\d+)$/.exec(text);
  if (match?.groups === undefined) return undefined;
  const { killed, failing, error, place } = match.groups;
  const call = killed ?? failing ?? '';
  if (CALLS[call] === undefined)
    throw new HoldfastError('bad-input', `--points ${text}: expected one of ${Object.keys(CALLS).join(', ')}.`);
  return caseOf({ call, place: Number(place), ...(error === undefined ? {} : { error }) });
}
