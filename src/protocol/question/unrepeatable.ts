/**
 * Statements without an undo that a step has applied. Running the step again runs them a second time, which a person
 * must name: everything else that a step does is undone first, or keeps its answer.
 */
import type { Digest } from '../../model/digest.ts';
import type { Effect } from '../../model/record/effect.ts';
import { statementsOf, type UnrepeatableStep } from '../../model/question/unrepeatable.ts';
import { isPartOf } from '../../model/sub-step-id.ts';
import { tokenOf } from '../../model/record/token.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';

const MAX_TEXT_CHARACTERS = 200;

/** Of these steps, those that have applied such statements. */
export function unrepeatableSteps(ledger: Ledger, jobId: string, stepIds: readonly string[]): UnrepeatableStep[] {
  return [...new Set(stepIds)].flatMap((stepId) => {
    const [first, ...more] = statementsThatStay(ledger, jobId, stepId);
    if (first === undefined) return [];
    const suffix = more.length === 0 ? '' : ` (and ${more.length} more)`;
    return [{ name: statementsOf(stepId), text: `${first.slice(0, MAX_TEXT_CHARACTERS)}${suffix}` }];
  });
}

/** The statements' texts. */
export function statementsThatStay(ledger: Ledger, jobId: string, stepId: string): readonly string[] {
  const generation = ledger.highestGeneration(jobId, stepId) ?? 0;
  const tokens = [tokenOf({ jobId, stepId, generation }), ...subStepTokens(ledger, jobId, stepId, generation)];
  return tokens
    .flatMap((token) => appliedEffects(ledger, token))
    .flatMap((effect) => (effect.kind === 'sql' && effect.undo === undefined ? [effect.text] : []));
}

/** Of those that are recorded, or half applied. */
function subStepTokens(ledger: Ledger, jobId: string, requestedId: string, generation: number): readonly Digest[] {
  const isOne = (one: { readonly stepId: string; readonly generation: number }): boolean =>
    one.stepId !== requestedId && isPartOf(one.stepId, requestedId) && one.generation === generation;
  const open = ledger.openIntents(jobId).flatMap(({ intent }) => (isOne(intent) ? [intent.token] : []));
  const recorded: Digest[] = [];
  for (const { record } of ledger.records(jobId))
    if (record.kind === 'step' && isOne(record)) recorded.push(record.token);
  return [...recorded, ...open];
}

/** Recorded, or half applied: whether a database has committed already only its token row says. */
function appliedEffects(ledger: Ledger, token: Digest): readonly Effect[] {
  const recorded = ledger.stepRecord(token)?.record.effects;
  if (recorded !== undefined)
    return recorded.filter(({ outcome }) => outcome === 'applied').map(({ effect }) => effect);
  const row = ledger.intent(token);
  if (row?.state !== 'applying') return [];
  const marks = ledger.effectMarks(token);
  return row.intent.effects.filter((_, index) => marks.get(index)?.outcome !== 'skipped');
}
