/**
 * Named points in the protocol at which a test can end, stop or fail the process. Each durable operation has one before
 * and one after it; `FAULT_POINTS` is the closed list. In production the hook is one comparison with undefined.
 */

export const FAULT_POINTS = [
  'lock.taken',
  'term.fence-raised',
  'term.raised',
  'worker.registered',
  'claim.before',
  'claim.after',
  'user-code.before',
  'once.before',
  'once.after',
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
  'verify.compared',
  'verify.mark-before',
  'verify.mark-after',
  'question.before',
  'question.after',
  'repair.sealed-before',
  'repair.sealed-after',
  'repair.item-before',
  'repair.item-after',
  'repair.record-before',
  'repair.record-after',
  'repair.term-raised',
  'release.before',
  'release.after',
] as const;

export type FaultPoint = (typeof FAULT_POINTS)[number];

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
