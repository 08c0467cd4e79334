/** What each answer of a decision does. Every act may be repeated: what is done already is found as it is wanted. */
import type { Answer } from '../../../model/question/answer.ts';
import type { Finding } from '../../../model/question/finding.ts';
import { accept } from './accept.ts';
import { overwriteTarget, skipTarget } from './conflict.ts';
import { approve, reject } from './approval.ts';
import { rerun } from './rerun.ts';
import { restore } from './restore.ts';
import type { RunningRepair } from '../running/running-repair.ts';
import { settleCall } from './settle-calls.ts';
import { undoInConflict } from './undo-intent.ts';
import { ruleOnUndoing } from './undo-ruling.ts';

type AnswerAct = (repair: RunningRepair, finding: Finding) => Promise<void> | void;

export async function carryOutAnswer(repair: RunningRepair, finding: Finding): Promise<void> {
  const act = finding.class === 'undo' ? ruleOnUndoing : ACTS[repair.answerOf(finding)];
  await act(repair, finding);
}

const NOTHING: AnswerAct = () => undefined;

const ACTS: Readonly<Record<Answer, AnswerAct>> = {
  recheck: NOTHING,
  abort: NOTHING,
  // Asked where there is no record yet: what follows does the comparison.
  older: NOTHING,
  anew: NOTHING,
  // Carried out without the record that it replaces (protocol/rebuild).
  rebuild: NOTHING,
  keep: (repair, { resource }) => repair.note(`${resource}: the recorded result is adopted`),
  accept,
  rerun,
  restore,
  happened: (repair, finding) => repair.note(settleCall(repair, finding, 'happened')),
  repeat: (repair, finding) => repair.note(settleCall(repair, finding, 'repeat')),
  approve,
  reject,
  skip: skipTarget,
  overwrite: overwriteTarget,
  undo: async (repair, finding) => {
    // What is ahead of the Workflow is undone with all that runs again.
    if (finding.class === 'ahead')
      repair.note(`${finding.resource}: it is undone, and runs again when it is asked for`);
    else await undoInConflict(repair, finding);
  },
};
