/** A step that can't go on by itself: what happened, and what the person should do. */
import { FAILURES, isFailureType } from '../../model/failures.ts';
import type { Finding } from '../../model/question/finding.ts';
import type { ResumedFailure, StepRecord } from '../../model/record/record.ts';
import { doneText } from '../../model/record/effects-text.ts';
import { cut, finding, textSide } from './finding.ts';

const MAX_MESSAGE_CHARACTERS = 4_000;
const MAX_RESUMES_TOLD = 5;
const MAX_RESUME_CHARACTERS = 300;

/** `inputs-keep-changing`: each draft was dropped, because what it had read changed meanwhile. */
export type StuckKind = 'step-cannot-go-on' | 'inputs-keep-changing';

/** No other question names what differs. */
export const KEEPS_CHANGING = 'Let nobody change what the step reads while it runs';

/** What went wrong. A plan's step may tell a type that Holdfast has no rule for. */
export interface StuckCause {
  readonly type: string;
  readonly message: string;
}

/** rerunSteps: what `rerun` runs again; none: it is not offered. */
export function stuckFinding(
  stepId: string,
  cause: StuckCause,
  kind: StuckKind = 'step-cannot-go-on',
  rerunSteps: readonly string[] = [stepId],
): Finding {
  return finding({
    resource: `step:${stepId}`,
    class: 'stuck',
    kind,
    expected: textSide(`step ${stepId} goes on`),
    rerunSteps,
    impossible: rerunSteps.length === 0 ? ['rerun'] : [],
    ...causeFields(cause),
    advice: kind === 'inputs-keep-changing' ? `${KEEPS_CHANGING}, then decide \`rerun\`.` : nextStepAfter(cause),
  });
}

/** The same of a step that is half applied: it can only be finished, or undone where nothing of it would stay. */
export function halfAppliedFinding(stuck: Finding, canBeUndone: boolean): Finding {
  const advice = stuck.advice?.replaceAll('`rerun`', '`recheck`') ?? '';
  const undone = canBeUndone ? ' rerun undoes what it has applied first.' : '';
  const finding = {
    ...stuck,
    advice: `${advice} It is half applied: recheck goes on where it stopped, and does nothing twice.${undone}`.trim(),
  };
  if (canBeUndone) return finding;
  return { ...finding, rerunSteps: [], answers: stuck.answers.filter((answer) => answer !== 'rerun') };
}

/** The same of a step some of whose sub-steps are done: which answer keeps them. */
export function withSubStepsFinding(stuck: Finding, done: number): Finding {
  const what = done === 1 ? '1 sub-step is done' : `${done} sub-steps are done`;
  const advice =
    `${stuck.advice ?? ''} ${what}: recheck tries the step again, and goes on behind what is done; rerun undoes ` +
    'that and runs the whole step anew.';
  return { ...stuck, advice: advice.trim() };
}

/** The same of a step that has resumed by itself: what it failed with each time. */
export function withResumesFinding(stuck: Finding, resumed: readonly ResumedFailure[]): Finding {
  const each = resumed
    .slice(-MAX_RESUMES_TOLD)
    .map(({ at, message }) => `${at}: ${message.slice(0, MAX_RESUME_CHARACTERS)}`);
  const which = resumed.length > MAX_RESUMES_TOLD ? `; the last ${MAX_RESUMES_TOLD} after` : ' after';
  const told = `It has resumed by itself ${timesText(resumed.length)}${which} ${each.join('; ')}.`;
  return { ...stuck, advice: `${stuck.advice ?? ''} ${told}`.trim() };
}

function timesText(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}

/** The same where an earlier job has done the step in this workspace already: what is in the way may be its work. */
export function doneByAnotherFinding(stuck: Finding, record: StepRecord): Finding {
  const { jobId, stepId, seq, at } = record;
  const job = jobId.split('@')[0]!;
  const did = doneText(record);
  const which = [`record ${seq}, ${at}`, did].filter((part) => part !== '').join(': ');
  const earlier =
    `Job ${job} did a step ${stepId} in this workspace before (${which}), ` +
    `and what it did is in the way where it is the same: see \`holdfast log\` of the workspace. ` +
    'Where it is to stay, answer abort; else take it away first, then decide `rerun`.';
  return { ...stuck, advice: `${stuck.advice ?? ''} ${earlier}`.trim() };
}

export function causeFields({ type, message }: StuckCause): Pick<Finding, 'found' | 'difference'> {
  return { found: textSide(cut(`${type}: ${message}`)), difference: message.slice(0, MAX_MESSAGE_CHARACTERS) };
}

/** What Holdfast advises after such a failure; undefined where it has no rule for the type. */
export function nextStepAfter({ type }: Pick<StuckCause, 'type'>): string | undefined {
  return isFailureType(type) ? FAILURES[type].nextStep : undefined;
}
