/**
 * Named points at which a test can end, stop or fail the process: moments of the protocol, and one before and one after
 * each durable operation. `FAULT_POINTS` is the closed list. In production a point is one comparison with undefined.
 *
 * Invariants
 * 1. A durable operation is called inside `atPoints` (or `atPointsAsync`), which name it; a test reads the sources for
 *    one that isn't.
 * 2. Every point of the list is reached by the job of the kill matrix; a test says which isn't.
 */

/** What makes something last: a kill between two of them is a state that a successor may find. */
export const DURABLE_OPERATIONS = [
  'fsync',
  'fsync-folder',
  'rename',
  'link',
  'symlink',
  'unlink',
  'mkdir',
  'rmdir',
  'chmod',
  'ledger-commit',
  'database-commit',
] as const;

export type DurableOperation = (typeof DURABLE_OPERATIONS)[number];

const PROTOCOL_POINTS = [
  'lock.taken',
  'term.fence-raised',
  'term.raised',
  'worker.registered',
  'claim.before',
  'claim.after',
  'user-code.before',
  'once.before',
  'once.after',
  'perform.about-before',
  'perform.about-after',
  'perform.call-before',
  'perform.call-after',
  'perform.done-before',
  'perform.done-after',
  'perform.withdrawn-before',
  'perform.withdrawn-after',
  'command.copied',
  'command.ended',
  'command.recorded',
  'user-code.after',
  'blob.before',
  'blob.after',
  'seal.before',
  'seal.after',
  'prepare.files-written',
  'prepare.database-begun',
  'prepare.database-ready',
  'applying.before',
  'applying.after',
  'commit.database-before',
  'commit.database-after',
  'commit.file-before',
  'commit.file-captured',
  'commit.file-renamed',
  'commit.effect-marked',
  'read-back.after',
  'record.before',
  'record.after',
  'step.answer',
  'activity.answer',
  'verify.compared',
  'verify.mark-before',
  'verify.mark-after',
  'question.before',
  'question.after',
  'repair.sealed-before',
  'repair.sealed-after',
  'repair.item-before',
  'repair.item-after',
  'repair.database-ready',
  'repair.record-before',
  'repair.record-after',
  'repair.term-raised',
  'release.before',
  'release.after',
] as const;

export type FaultPoint = (typeof PROTOCOL_POINTS)[number] | `${DurableOperation}.${'before' | 'after'}`;

export const FAULT_POINTS: readonly FaultPoint[] = [
  ...PROTOCOL_POINTS,
  ...DURABLE_OPERATIONS.flatMap((operation) => [`${operation}.before`, `${operation}.after`] as const),
];

type FaultHook = (point: FaultPoint) => void | Promise<void>;

let hook: FaultHook | undefined;

/** For tests: called at every point; it may kill the process, throw, or wait. */
export function setFaultHook(next: FaultHook | undefined): void {
  hook = next;
}

/** A point at which a synchronous operation follows or has just ended. */
export function faultPoint(point: FaultPoint): void {
  if (hook === undefined) return;
  void hook(point);
}

/** A point at which a hook may also wait. */
export async function faultPointAsync(point: FaultPoint): Promise<void> {
  if (hook === undefined) return;
  await hook(point);
}

/** A durable operation between its two points. */
export function atPoints<T>(operation: DurableOperation, act: () => T): T {
  if (hook === undefined) return act();
  faultPoint(`${operation}.before`);
  const result = act();
  faultPoint(`${operation}.after`);
  return result;
}

/** The same for one that takes its time. */
export async function atPointsAsync<T>(operation: DurableOperation, act: () => Promise<T>): Promise<T> {
  await faultPointAsync(`${operation}.before`);
  const result = await act();
  await faultPointAsync(`${operation}.after`);
  return result;
}
