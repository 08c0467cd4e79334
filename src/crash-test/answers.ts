/** How a crash test answers what a job asks. Pure. */
import type { DecisionInput } from '../client.ts';
import type { Question } from '../model/question/question.ts';
import { needsResult } from '../model/question/finding.ts';
import { isSafeMethod } from '../model/step/http-request.ts';
import type { CrashAnswer } from './options.ts';
import type { Arrived } from './stand-in.ts';

interface Seen {
  /** What has arrived at services in this run. */
  readonly arrived: readonly Pick<Arrived, 'step' | 'method'>[];
}

/** Undefined: no rule fits. */
export function answerFor(
  rules: readonly CrashAnswer[],
  question: Question,
  { arrived }: Seen,
): Pick<DecisionInput, 'digest' | 'answer' | 'items' | 'result' | 'results'> | undefined {
  const steps = stepsOf(question);
  const rule = rules.find(
    ({ step, kind }) => (step === undefined || steps.includes(step)) && (kind === undefined || kind === question.kind),
  );
  if (rule === undefined) return undefined;
  const { digest } = question;
  const hasArrived = arrived.some((one) => steps.includes(one.step) && !isSafeMethod(one.method));
  const answer = rule.answer === 'as-counted' ? (hasArrived ? 'happened' : 'repeat') : rule.answer;
  const results = Object.fromEntries(
    question.findings.filter(needsResult).map(({ resource }) => [resource, rule.result ?? null]),
  );
  const isResultNeeded = answer === 'happened' && Object.keys(results).length > 0;
  return { digest, answer, ...(isResultNeeded ? { results } : {}) };
}

/** The steps that a question is about. */
export function stepsOf({ stepId, findings }: Question): readonly string[] {
  const named = findings.flatMap(({ resource, recordedBy }) => {
    const call = /^(?:perform|step|statements):([^/]+)/.exec(resource)?.[1];
    return [...(call === undefined ? [] : [call]), ...(recordedBy === undefined ? [] : [recordedBy.stepId])];
  });
  return [...new Set([...(stepId === undefined ? [] : [stepId]), ...named])];
}
