/** What a step's compensation is told of the step: the step's arguments and record, checked by its contract. */
import type { Json } from '../../model/canonical-json.ts';
import { HoldfastError } from '../../model/failure.ts';
import { issuesText } from '../../model/issues-text.ts';
import type { CompensatedCall, CompensatedRecord } from '../../model/step/compensated.ts';
import type { StepImplementation } from '../../model/step/step.ts';
import type { PerformRow } from '../../store/ledger/perform-row.ts';
import { resolveSecrets } from '../secrets/placed-secrets.ts';
import type { DraftTools } from '../step/step-work.ts';
import type { UndoneStep } from './undone-step.ts';

type Contract = StepImplementation['contract'];

/** @throws HoldfastError `not-found`; `bad-input`, `bad-output`: what was recorded doesn't fit the contract any more */
export function compensatedRecord(
  contract: Contract,
  step: UndoneStep,
  secretOf: DraftTools['secretOf'],
): CompensatedRecord {
  const { stepId, generation, token, record, calls } = step;
  return {
    stepId,
    generation,
    version: record?.version,
    token,
    input: inputOf(contract, step, secretOf),
    output: outputOf(contract, step),
    effects: (record?.effects ?? []).flatMap(({ effect, outcome }) =>
      outcome === 'applied' && effect.kind !== 'perform' ? [effect] : [],
    ),
    calls: calls.map(compensatedCall),
  };
}

function inputOf(contract: Contract, step: UndoneStep, secretOf: DraftTools['secretOf']): unknown {
  const { stepId, arguments: given } = step;
  if (given === undefined) {
    const reason = 'it ran on a worker whose code of it had no compensation yet';
    throw new HoldfastError(
      'not-found',
      `What step ${stepId} was given is not in the ledger, so that its compensation cannot be told: ${reason}.`,
      { stepId },
    );
  }
  const input = contract.input.safeParse(resolveSecrets(given.input, given.secrets ?? [], secretOf));
  if (input.success) return input.data;
  const issues = issuesText(input.error.issues);
  throw new HoldfastError(
    'bad-input',
    `What step ${stepId} was given does not fit the contract of ${contract.name} any more: ${issues}.`,
  );
}

/** Undefined: the step was not finished. */
function outputOf(contract: Contract, { stepId, record }: UndoneStep): unknown {
  if (record === undefined) return undefined;
  const output = contract.output.safeParse(record.output);
  if (output.success) return output.data;
  const issues = issuesText(output.error.issues);
  throw new HoldfastError(
    'bad-output',
    `What step ${stepId} returned does not fit the contract of ${contract.name} any more: ${issues}.`,
  );
}

function compensatedCall({ name, key, request, answer, known, calledIn }: PerformRow): CompensatedCall {
  return {
    name,
    key,
    requestText: request.text,
    answer: JSON.parse(answer ?? 'null') as Json,
    known: known ?? 'called',
    generation: calledIn,
  };
}
