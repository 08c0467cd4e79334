/** What a step is given and returns, checked by its contract. */
import { canonicalJson, type Json } from '../../model/canonical-json.ts';
import { HoldfastError } from '../../model/failure.ts';
import { issuesText } from '../../model/issues-text.ts';
import { MAX_OUTPUT_BYTES } from '../../model/job/run-step.ts';
import type { StepImplementation } from '../../model/step/step.ts';

/** With the contract's defaults. @throws HoldfastError `bad-input` */
export function checkedInput({ contract }: StepImplementation, stepId: string, input: unknown): unknown {
  const checked = contract.input.safeParse(input);
  if (checked.success) return checked.data;
  const issues = issuesText(checked.error.issues);
  throw new HoldfastError(
    'bad-input',
    `The input of step ${stepId} does not fit the contract of ${contract.name}: ${issues}.`,
  );
}

/** As the code returned it; nothing counts as null. @throws HoldfastError `bad-output`, `too-large` */
export function checkedOutput({ contract }: StepImplementation, stepId: string, output: unknown): Json {
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
