/** The exact changes of a sealed intent, for a person to approve. */
import type { Digest } from '../../model/digest.ts';
import { describeEffect } from '../../model/record/effect-text.ts';
import { isToApply } from '../../model/record/effect.ts';
import type { Intent } from '../../model/record/intent.ts';
import type { Finding } from '../../model/question/finding.ts';
import { cut, finding } from './finding.ts';

export function approvalFinding(intent: Intent, digest: Digest, differences: readonly string[]): Finding {
  const changes = intent.effects.filter(isToApply).length;
  return finding({
    resource: `intent:${intent.stepId}`,
    class: 'approval',
    kind: 'approval',
    expected: { digest: null, text: `an approval of ${changes} change${changes === 1 ? '' : 's'}` },
    found: { digest, text: cut(intent.effects.map(describeEffect).join('; ') || 'no change') },
    difference: intent.effects
      .map((effect, index) =>
        [describeEffect(effect), differences[index] ?? ''].filter((part) => part !== '').join('\n'),
      )
      .join('\n\n'),
  });
}
