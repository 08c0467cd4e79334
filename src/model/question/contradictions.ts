/**
 * Chosen answers that exclude each other: a step that is undone and run again rewrites what it wrote, so another answer
 * for such a resource would be undone with it.
 */
import { requestedStepOf } from '../sub-step-id.ts';
import { answered, type Answer } from './answer.ts';
import type { Finding } from './finding.ts';
import type { Question } from './question.ts';

type ChosenAnswers = Readonly<Record<string, Answer>>;

/** Empty: the answers fit together. */
export function contradictions(question: Question, answers: ChosenAnswers): string[] {
  const causes = rerunCauses(question, answers);
  return [
    ...undoContradictions(question, answers),
    ...question.findings.flatMap((finding) => rerunContradictions(finding, answers, causes)),
  ];
}

function undoContradictions({ findings }: Question, answers: ChosenAnswers): string[] {
  const ahead = new Set(findings.filter((one) => one.class === 'ahead').map(({ resource }) => resource));
  const undone = answered(answers, 'undo');
  return [
    ...forgottenContradictions(
      undone.find((resource) => ahead.has(resource)),
      ahead,
      answers,
    ),
    ...halfAppliedContradictions(
      undone.find((resource) => !ahead.has(resource)),
      answers,
    ),
  ];
}

/** Of steps that the Workflow has forgotten. */
function forgottenContradictions(
  undone: string | undefined,
  ahead: ReadonlySet<string>,
  answers: ChosenAnswers,
): string[] {
  const kept = [...ahead].find((resource) => answers[resource] === 'keep');
  if (undone === undefined || kept === undefined) return [];
  return [`undo for ${undone} contradicts keep for ${kept}, which may have used what it did`];
}

/** Of targets of a half-applied step. */
function halfAppliedContradictions(undone: string | undefined, answers: ChosenAnswers): string[] {
  const otherwise = Object.keys(answers).find((resource) => answers[resource] !== 'undo');
  if (undone === undefined || otherwise === undefined) return [];
  return [`undo for ${undone} takes the whole step back; ${answers[otherwise]} for ${otherwise} contradicts it`];
}

/** Steps that run again → the resource whose answer says so. */
function rerunCauses({ findings }: Question, answers: ChosenAnswers): ReadonlyMap<string, string> {
  const rerun = findings.filter(({ resource, class: findingClass }) => {
    const answer = answers[resource];
    return answer === 'rerun' || (answer === 'undo' && findingClass === 'ahead');
  });
  return new Map(rerun.flatMap(({ resource, rerunSteps }) => rerunSteps.map((step) => [step, resource] as const)));
}

function rerunContradictions(
  finding: Finding,
  answers: ChosenAnswers,
  causes: ReadonlyMap<string, string>,
): readonly string[] {
  const { resource, recordedBy, wasOnlyRead } = finding;
  const answer = answers[resource];
  const cause = recordedBy && causes.get(requestedStepOf(recordedBy.stepId));
  if (cause === undefined || cause === resource || finding.class !== 'discrepancy') return [];
  if (answer !== 'restore' && answer !== 'accept') return [];
  if (!/^(file|row):/.test(resource)) return [];
  const why = `step ${recordedBy!.stepId} runs again and ${wasOnlyRead === true ? 'reads' : 'writes'} it anew`;
  return [`${answer} for ${resource} contradicts ${answers[cause]} for ${cause}: ${why}`];
}
