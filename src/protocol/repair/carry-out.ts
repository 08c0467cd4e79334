/**
 * Carries a sealed repair out: each answer, then what follows from them. Every act may be repeated: a repair that was
 * killed half-way goes on, and finds what is done already as it is wanted.
 */
import type { Question } from '../../model/question/question.ts';
import { faultPointAsync } from '../../store/fault-point.ts';
import { carryOutAnswer } from './answers/answers.ts';
import { changeDatabases } from './changes/databases.ts';
import { dropReruns } from './drop-reruns.ts';
import { keptCallNotes } from './rerun-calls.ts';
import type { RepairContext } from './running/context.ts';
import { undoReruns } from './answers/rerun.ts';
import { reinstate } from './reinstate.ts';
import type { ReinstatePlan } from './reinstate-plan.ts';
import { RunningRepair } from './running/running-repair.ts';
import type { SealedRepair } from './running/sealed-repair.ts';
import { undoHalfApplied } from './answers/undo-intent.ts';

/** Returns what has come of it. @throws HoldfastError for what may pass; the repair then goes on from the ledger */
export async function carryOut(
  context: RepairContext,
  question: Question,
  sealed: SealedRepair,
  reinstating?: ReinstatePlan,
): Promise<RunningRepair> {
  const repair = new RunningRepair(context, question, sealed);
  // Another job's workspace is taken last: the other answers say how what it had half applied is finished.
  for (const finding of question.findings.toSorted(
    (a, b) => Number(a.class === 'foreign') - Number(b.class === 'foreign'),
  )) {
    await faultPointAsync('repair.item-before');
    await carryOutAnswer(repair, finding);
    await faultPointAsync('repair.item-after');
  }
  // Newest first: what is half applied, then what is recorded.
  if (sealed.reruns.length > 0) {
    await undoHalfApplied(repair);
    if (reinstating === undefined) await undoReruns(repair);
    else await reinstate(repair, reinstating);
  }
  repair.note(...keptCallNotes(context, sealed.reruns, sealed.again ?? []));
  await changeDatabases(repair);
  for (const act of repair.afterDatabases) act();
  await dropReruns(repair);
  await context.workspace.files.removeLeftovers(sealed.digest, repair.paths);
  return repair;
}
