/**
 * What a decision would do, before it is taken: read from the one table of answers. Pure; asks nobody, changes nothing.
 */
import { ANSWERS, type AnswerEffect } from '../model/question/answer-table.ts';
import { isMadeAnewBy } from '../model/question/answer-text.ts';
import type { Answer } from '../model/question/answer.ts';
import type { NotUndone } from '../model/record/intent.ts';
import { ruleOn } from '../model/question/ruling.ts';
import type { Decision } from '../model/question/decision.ts';
import type { Finding, FindingKind } from '../model/question/finding.ts';
import type { Question } from '../model/question/question.ts';
import type { JobStatus } from '../model/job/status.ts';
import type { UndoPreview } from '../model/job/undo-preview.ts';

/** What a decision would do about one finding. */
export interface FindingPreview {
  /** As the finding names it. */
  readonly resource: string;
  /** What is wrong with it. */
  readonly kind: FindingKind;
  /** The answer that it would get. */
  readonly answer: Answer;
  /** On intent, manifest, ledger and Workflow, and in one sentence. */
  readonly effect: AnswerEffect;
  /** Steps that used what has changed and are not run again. */
  readonly leavesStale: readonly string[];
  /** Steps that run again because of it. */
  readonly runsAgain: readonly string[];
}

/** What a decision would do, or why it can't be used. */
export type DecisionPreview =
  | {
      /** False: it would be refused. */
      readonly usable: true;
      /** As it would be sent. */
      readonly decision: Decision;
      /** Of each finding that the question lists. */
      readonly findings: readonly FindingPreview[];
      /** Steps that run again. */
      readonly runsAgain: readonly string[];
      /** Steps that used what has changed and are not run again. */
      readonly leavesStale: readonly string[];
      /** Does the job end with it? */
      readonly endsJob: boolean;
      /**
       * For `abort` with `compensate`: what would be undone, newest first. `preview` of the client tells it by step;
       * the workspace's host, by resource.
       */
      readonly undoes?: readonly UndoPreview[];
      /** Calls of steps that run again: what is made anew, and what keeps its answer. */
      readonly callsAgain: readonly string[];
      /** Calls of those steps whose recorded answers still count. */
      readonly callsKept: readonly string[];
      /** Files and rows whose present state does not stay: put back, or made anew by a step that runs again. */
      readonly replaced: readonly string[];
      /** Findings that the question has beyond those listed; the decision's `answer` holds for them, too. */
      readonly notListed: number;
    }
  | {
      readonly usable: false;
      readonly decision: Decision;
      /** Why, one sentence each. */
      readonly problems: readonly string[];
    };

/** What a decision would do to a question. Pure: it asks nobody and changes nothing. */
export function previewDecision(question: Question, decision: Decision): DecisionPreview {
  const ruling = ruleOn(question, decision);
  if (!ruling.usable) return { usable: false, decision, problems: ruling.problems };
  const rerun = new Set(
    question.findings.flatMap((finding) =>
      runsAgainFor(question, ruling.answers[finding.resource]!, finding.rerunSteps),
    ),
  );
  const findings = question.findings.map((finding): FindingPreview => {
    const answer = ruling.answers[finding.resource]!;
    const runsAgain = runsAgainFor(question, answer, finding.rerunSteps);
    return {
      resource: finding.resource,
      kind: finding.kind,
      answer,
      effect: ANSWERS[finding.class][answer]!,
      leavesStale: answer === 'accept' ? finding.staleSteps.filter((step) => !rerun.has(step)) : [],
      runsAgain,
    };
  });
  return {
    usable: true,
    decision,
    findings,
    runsAgain: [...rerun],
    leavesStale: [...new Set(findings.flatMap(({ leavesStale }) => leavesStale))],
    callsAgain: ruling.again,
    callsKept: [
      ...new Set(
        question.findings.flatMap(({ keeps, resource }) =>
          ['rerun', 'undo'].includes(ruling.answers[resource]!) ? (keeps ?? []) : [],
        ),
      ),
    ].filter((call) => !ruling.again.includes(call)),
    replaced: question.findings.flatMap((finding) =>
      isReplaced(finding, ruling.answers[finding.resource]!, rerun) ? [finding.resource] : [],
    ),
    endsJob: findings.some(({ effect }) => effect.workflow === 'fail-job'),
    notListed: question.findingsTotal - question.findings.length,
  };
}

/** By step, as far as the Workflow knows: what is done, the last first. Pure. */
export function undoesOf({ steps }: Pick<JobStatus, 'steps'>): readonly UndoPreview[] {
  return steps
    .filter(({ state }) => state === 'done')
    .toReversed()
    .map(({ id, generation, effects }) => ({
      stepId: id,
      generation,
      compensates: null,
      undoes: effects === '' ? [] : [effects],
      leaves: mayStay(effects),
    }));
}

/** Of `1 file, 2 statements, 1 call`: what is undone only where the record, or the step's code, has an undo for it. */
function mayStay(effects: string): NotUndone[] {
  return [...effects.matchAll(/\d+ (statement|call)s?/g)].map(([what, kind]) => ({
    what,
    why:
      kind === 'statement'
        ? 'unless the step gave an undo, which only the record tells: run this where the workspace is'
        : 'unless the step has a compensation, which only its code tells: run this where the workspace is',
  }));
}

function isReplaced(finding: Finding, answer: Answer, again: ReadonlySet<string>): boolean {
  if (!/^(file|row):/.test(finding.resource) || finding.found.text === 'not there') return false;
  if (answer === 'restore' || answer === 'overwrite') return true;
  return finding.class === 'discrepancy' && isMadeAnewBy(finding, again);
}

function runsAgainFor(question: Question, answer: Answer, rerunSteps: readonly string[]): readonly string[] {
  // Of what is ahead of the Workflow each finding names its step; the question is of none.
  if (answer === 'rerun' || (answer === 'undo' && question.stepId === undefined)) return rerunSteps;
  return (answer === 'undo' || answer === 'reject') && question.stepId !== undefined ? [question.stepId] : [];
}
