/** What a person is asked. As `src/protocol/question/` does it. */
import type { Conflict } from './apply.ts';
import type { Running } from './running.ts';
import {
  RESOURCES,
  requestedOf,
  type Answer,
  type Finding,
  type Question,
  type Resource,
  type StepId,
} from './state.ts';

/** The open question for these findings: the one that is there, or a new one. */
export function ask(r: Running, findings: readonly Finding[], token?: string, isPartOfCommit = false): Question {
  const { ledger, state } = r;
  for (const finding of findings) mustNotBeAlarm(r, finding);
  const same = ledger.open.filter((one) => one.token === token && (token !== undefined || isAboutTheWorld(one)));
  const present = same.find((one) => JSON.stringify(one.findings) === JSON.stringify(findings));
  if (present !== undefined) return present;
  // One commit with what ends the attempt.
  if (isPartOfCommit) r.moment('question.after');
  ledger.open = ledger.open.filter((one) => !same.includes(one));
  ledger.questions += 1;
  const question: Question = {
    id: ledger.questions,
    findings: [...findings],
    ...(token === undefined ? {} : { token }),
  };
  ledger.open.push(question);
  state.ghost.rounds = 0;
  if (!isPartOfCommit) r.moment('question.after');
  return question;
}

/** Nobody is asked about what the job itself did. */
function mustNotBeAlarm(r: Running, { of, cls, found }: Finding): void {
  const { ghost } = r.state;
  if (!isResource(of) || ghost.isSwapped) return;
  // What a person made of it, a decision took into the record, and an undoing has put back.
  const isPutBack = cls === 'undo' && ghost.made.includes(`${of}=${found}`);
  r.must(
    ghost.byPerson.includes(of) || isPutBack,
    'G2',
    () => `a person is asked about ${of} = ${found}, which nobody but the job has changed`,
  );
}

/** Does it hold back every step? */
export function isAboutTheWorld({ findings }: Question): boolean {
  return findings.some(({ cls }) => cls !== 'undo' && cls !== 'stuck');
}

export function isResource(of: string): of is Resource {
  return (RESOURCES as readonly string[]).includes(of);
}

/** What a decision may say: an answer for each finding, the same for those of a class; `recheck` for all. */
export function decisionsFor({ findings }: Question): readonly Answer[][] {
  const classes = [...new Set(findings.map(({ cls }) => cls))];
  let combined = [new Map<string, Answer>()];
  for (const cls of classes) {
    const of = findings.filter((one) => one.cls === cls);
    const offered = of[0]!.answers.filter((answer) => of.every(({ answers }) => answers.includes(answer)));
    combined = combined.flatMap((chosen) => offered.map((answer) => new Map([...chosen, [cls, answer]])));
  }
  const all = combined.map((chosen) => findings.map(({ cls }) => chosen.get(cls)!));
  return [...all.filter((answers) => contradiction(findings, answers) === undefined), findings.map(() => 'recheck')];
}

/** As `model/question/contradictions.ts`. */
function contradiction(findings: readonly Finding[], answers: readonly Answer[]): string | undefined {
  if (answers.includes(undefined as never)) return 'not offered';
  const undone = findings.find((one, at) => answers[at] === 'undo' && one.cls === 'conflict');
  if (undone !== undefined && answers.some((answer) => answer !== 'undo')) return 'undo takes the whole step back';
  const again = new Set(
    findings.flatMap((one, at) =>
      answers[at] === 'rerun' || (answers[at] === 'undo' && one.cls === 'ahead') ? one.reruns : [],
    ),
  );
  const kept = findings.find(
    (one, at) =>
      one.cls === 'discrepancy' &&
      (answers[at] === 'accept' || answers[at] === 'restore') &&
      one.by !== undefined &&
      again.has(one.by),
  );
  return kept === undefined ? undefined : 'the step runs again and makes it anew';
}

export function conflictFinding({ res, before, after, found }: Conflict, step: StepId, isUndoing: boolean): Finding {
  return {
    of: res,
    cls: 'conflict',
    expected: `${before}|${after}`,
    found,
    answers: isUndoing ? ['skip', 'overwrite'] : ['skip', 'overwrite', 'undo'],
    reruns: isUndoing ? [] : [requestedOf(step)],
  };
}
