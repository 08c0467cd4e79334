/** The exact changes of a sealed intent, for a person to approve. */
import { counted } from '../../model/counted.ts';
import type { Digest } from '../../model/digest.ts';
import type { Finding } from '../../model/question/finding.ts';
import { describeEffect } from '../../model/record/effect-text.ts';
import type { Json } from '../../model/canonical-json.ts';
import { isToApply, type Effect } from '../../model/record/effect.ts';
import type { Foreseen, Intent } from '../../model/record/intent.ts';
import { cut, finding, textSide } from './finding.ts';

const MAX_FORESEEN_SHOWN = 100;
const MAX_LOG_LINES = 10;
const MAX_LINE_CHARACTERS = 300;

/** What the step says of its work itself. */
export interface StepSummary {
  readonly output?: Json;
  readonly logs?: readonly { readonly message: string }[];
}

/** digest: the intent's, which the approval is bound to. differences: one an effect, in the intent's order. */
export function approvalFinding(
  { stepId, effects, foreseen = [] }: Pick<Intent, 'stepId' | 'effects' | 'foreseen'>,
  digest: Digest,
  differences: readonly string[],
  summary: StepSummary = {},
): Finding {
  const changes = effects.filter(isToApply).length;
  return finding({
    resource: `intent:${stepId}`,
    class: 'approval',
    kind: 'approval',
    expected: textSide(`an approval of ${counted(changes, 'change')}`),
    found: { digest, text: cut(effects.map(describeEffect).join('; ') || 'no change') },
    difference: [
      ...changeTexts(effects, differences),
      ...foreseenTexts(foreseen),
      ...summaryTexts(summary),
      ...callTexts(effects),
    ].join('\n\n'),
  });
}

/** First what is to be approved. */
function changeTexts(effects: readonly Effect[], differences: readonly string[]): readonly string[] {
  return effects.flatMap((effect, index) => {
    if (!isToApply(effect)) return [];
    return [[describeEffect(effect), differences[index] ?? ''].filter((part) => part !== '').join('\n')];
  });
}

function summaryTexts({ output, logs = [] }: StepSummary): readonly string[] {
  const lines = logs.slice(-MAX_LOG_LINES).map(({ message }) => `  ${bounded(message)}`);
  const omitted = logs.length > MAX_LOG_LINES ? [`  (${logs.length - MAX_LOG_LINES} earlier lines)`] : [];
  return [
    ...(output === undefined || output === null ? [] : [`the step returns ${bounded(JSON.stringify(output))}`]),
    ...(lines.length === 0 ? [] : [['the step says (its changes are not made yet):', ...omitted, ...lines].join('\n')]),
  ];
}

/** What was called is done already. */
function callTexts(effects: readonly Effect[]): readonly string[] {
  const calls = effects.filter((effect) => !isToApply(effect)).map((call) => `  ${bounded(describeEffect(call))}`);
  return calls.length === 0 ? [] : [['done already, while the step ran:', ...calls].join('\n')];
}

function bounded(text: string): string {
  return text.length <= MAX_LINE_CHARACTERS ? text : `${text.slice(0, MAX_LINE_CHARACTERS)}…`;
}

function foreseenTexts(foreseen: readonly Foreseen[]): readonly string[] {
  if (foreseen.length === 0) return [];
  const lines = foreseen.slice(0, MAX_FORESEEN_SHOWN).map(({ what, why }) => `  ${what}: ${why}`);
  const more = foreseen.length - lines.length;
  return [
    ['By the database itself, with these changes:', ...lines, ...(more > 0 ? [`  and ${more} more`] : [])].join('\n'),
  ];
}
