/** What a step is given and returns, checked by its contract. */
import { canonicalJson, refuseTooDeep, type Json } from '../../model/canonical-json.ts';
import { HoldfastError } from '../../model/failure.ts';
import { issuesText } from '../../model/issues-text.ts';
import { MAX_OUTPUT_BYTES } from '../../model/job/run-step.ts';
import { nearestName } from '../../model/nearest-name.ts';
import type { StepContract, StepImplementation } from '../../model/step/step.ts';
import { unknownFields } from '../../model/step/unknown-fields.ts';

/** With the contract's defaults. @throws HoldfastError `bad-input`; `not-json`: nested too deep */
export function checkedInput({ contract }: StepImplementation, stepId: string, input: unknown): unknown {
  refuseTooDeep(input, 'input');
  const checked = contract.input.safeParse(input);
  if (checked.success) refuseUnknownFields(contract, stepId, input);
  if (checked.success) return checked.data;
  const issues = issuesText(checked.error.issues);
  const wantsText = checked.error.issues.some((issue) => issue.code === 'invalid_type' && issue.expected === 'string');
  throw new HoldfastError(
    'bad-input',
    `The input of step ${stepId} does not fit the contract of ${contract.name}: ${issues}.` +
      (wantsText ? TEXT_HINT : ''),
  );
}
const TEXT_HINT =
  " In a plan a reference alone keeps its value's type: make that value text, or write the reference within longer " +
  'text.';

/** What the contract would drop without a word. @throws HoldfastError `bad-input` */
function refuseUnknownFields({ name, input: schema }: StepContract, stepId: string, input: unknown): void {
  const [unknown] = unknownFields(schema, input);
  if (unknown === undefined) return;
  const at = [...unknown.path, unknown.name].join('.');
  const near = nearestName(unknown.name, unknown.known);
  const hint = near === undefined ? '' : ` Did you mean "${near}"?`;
  throw new HoldfastError(
    'bad-input',
    `Step ${stepId} is given the field ${at}, which the contract of ${name} does not have; expected one of ` +
      `${unknown.known.join(', ')}.${hint}`,
  );
}

/** As the code returned it; nothing counts as null. @throws HoldfastError `bad-output`, `not-json`, `too-large` */
export function checkedOutput({ contract }: StepImplementation, stepId: string, output: unknown): Json {
  refuseTooDeep(output, 'output');
  const checked = contract.output.safeParse(output);
  if (!checked.success) {
    const issues = issuesText(checked.error.issues);
    throw new HoldfastError(
      'bad-output',
      `Step ${stepId} returned what does not fit the output schema of ${contract.name}: ${issues}.`,
    );
  }
  const sizeBytes = Buffer.byteLength(canonicalJson(output ?? null, 'output'));
  if (sizeBytes > MAX_OUTPUT_BYTES)
    throw new HoldfastError(
      'too-large',
      `Step ${stepId} returned ${sizeBytes} bytes; at most ${MAX_OUTPUT_BYTES} go into the history.`,
      { sizeBytes },
    );
  return (output ?? null) as Json;
}
