/**
 * The input of a tool as a Standard Schema with its JSON Schema (standardschema.dev), which the AI SDK takes: what does
 * not fit goes back to the model, and what fits goes to the step as the model wrote it.
 */
import type { JsonObject } from '../model/canonical-json.ts';
import type { StepContract } from '../model/step/step.ts';

interface ToolInputSchema {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: 'holdfast';
    readonly validate: (
      value: unknown,
    ) => { readonly value: unknown } | { readonly issues: readonly { readonly message: string }[] };
    readonly jsonSchema: { readonly input: () => JsonObject; readonly output: () => JsonObject };
  };
}

/** @param given what the Workflow fills in */
export function toolInputSchema(contract: StepContract, schema: JsonObject, given: object): ToolInputSchema {
  return {
    '~standard': {
      version: 1,
      vendor: 'holdfast',
      validate(value) {
        const whole = typeof value === 'object' ? { ...value, ...given } : value;
        const checked = contract.input.safeParse(whole);
        if (checked.success) return { value };
        return {
          issues: checked.error.issues.map(({ path, message }) => ({
            message: `${path.map(String).join('.') || 'input'}: ${message}`,
          })),
        };
      },
      jsonSchema: { input: () => schema, output: () => schema },
    },
  };
}
