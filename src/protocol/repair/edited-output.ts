/** Does an output that a person gives fit the contract of the step's code? */
import type { Json } from '../../model/canonical-json.ts';
import type { EditRequest } from '../../model/job/edit.ts';
import type { StepContract } from '../../model/step/step.ts';

/** In words; empty: it does. @param contract undefined: the worker does not have it */
export function outputProblems(
  { edit, step, isList, isOutputUnused }: EditRequest,
  contract: StepContract | undefined,
  output: Json,
): readonly string[] {
  if (edit.output === undefined && isOutputUnused === true && output === null) return [];
  if (contract === undefined)
    return [
      `the worker does not have the code of step ${edit.asNode}${step === undefined ? '' : ` (${step})`}, whose ` +
        'contract says what its output is',
    ];
  if (isList !== true) return told(contract, output, 'output');
  if (!Array.isArray(output)) return [`output: expected a list, one output for each item of step ${edit.asNode}`];
  return (output as readonly Json[]).flatMap((one, index) => told(contract, one, `output[${index}]`)).slice(0, 10);
}

function told({ output }: StepContract, value: Json, at: string): readonly string[] {
  const { error } = output.safeParse(value);
  return (error?.issues ?? []).map(({ path, message }) => `${[at, ...path.map(String)].join('.')}: ${message}`);
}
