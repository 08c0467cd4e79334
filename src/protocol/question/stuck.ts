/** A step that can't go on by itself: what happened, and what the person should do. */
import { FAILURES } from '../../model/failures.ts';
import type { HoldfastError } from '../../model/failure.ts';
import type { Finding, FindingKind } from '../../model/question/finding.ts';
import { cut, finding } from './finding.ts';

export function stuckFinding(
  stepId: string,
  error: { readonly type: string; readonly message: string },
  kind: FindingKind = 'step-cannot-go-on',
  rerunSteps: readonly string[] = [stepId],
): Finding {
  const rule = FAILURES[error.type as HoldfastError['type']] as { nextStep: string } | undefined;
  return finding({
    resource: `step:${stepId}`,
    class: 'stuck',
    kind,
    expected: { digest: null, text: `step ${stepId} goes on` },
    found: { digest: null, text: cut(`${error.type}: ${error.message}`) },
    rerunSteps,
    impossible: rerunSteps.length === 0 ? ['rerun'] : [],
    difference: error.message.slice(0, 4_000),
    advice: rule?.nextStep,
  });
}
