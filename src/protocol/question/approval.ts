/** The exact changes of a sealed intent, for a person to approve. */
import type { Digest } from '../../model/digest.ts';
import type { Finding } from '../../model/question/finding.ts';
import { describeEffect } from '../../model/record/effect-text.ts';
import { isToApply } from '../../model/record/effect.ts';
import type { Intent } from '../../model/record/intent.ts';
import { cut, finding, textSide } from './finding.ts';

/** digest: the intent's, which the approval is bound to. differences: one an effect, in the intent's order. */
export function approvalFinding(
  { stepId, effects }: Pick<Intent, 'stepId' | 'effects'>,
  digest: Digest,
  differences: readonly string[],
): Finding {
  const changes = effects.filter(isToApply).length;
  return finding({
    resource: `intent:${stepId}`,
    class: 'approval',
    kind: 'approval',
    expected: textSide(`an approval of ${changes} change${changes === 1 ? '' : 's'}`),
    found: { digest, text: cut(effects.map(describeEffect).join('; ') || 'no change') },
    difference: effects
      .map((effect, index) =>
        [describeEffect(effect), differences[index] ?? ''].filter((part) => part !== '').join('\n'),
      )
      .join('\n\n'),
  });
}
