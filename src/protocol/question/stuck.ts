/** A step that can't go on by itself: what happened, and what the person should do. */
import { FAILURES, type FailureType } from '../../model/failures.ts';
import type { Finding } from '../../model/question/finding.ts';
import { cut, finding, textSide } from './finding.ts';

const MAX_MESSAGE_CHARACTERS = 4_000;

/** `inputs-keep-changing`: each draft was dropped, because what it had read changed meanwhile. */
export type StuckKind = 'step-cannot-go-on' | 'inputs-keep-changing';

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
    advice: nextStepAfter(cause),
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

export function causeFields({ type, message }: StuckCause): Pick<Finding, 'found' | 'difference'> {
  return { found: textSide(cut(`${type}: ${message}`)), difference: message.slice(0, MAX_MESSAGE_CHARACTERS) };
}

/** What Holdfast advises after such a failure; undefined where it has no rule for the type. */
export function nextStepAfter({ type }: Pick<StuckCause, 'type'>): string | undefined {
  return Object.hasOwn(FAILURES, type) ? FAILURES[type as FailureType].nextStep : undefined;
}
