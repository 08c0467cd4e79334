/**
 * The plan's form as JSON Schema, for editors: schema/plan.schema.json holds its text.
 */
import * as z from 'zod';
import { StepSchema } from './plan-step.ts';
import { PlanSchema } from './plan.ts';

/** The text of schema/plan.schema.json. Pure: the same for the same schema. */
export function planSchemaText(): string {
  const schema = z.toJSONSchema(PlanSchema, {
    io: 'input',
    target: 'draft-2020-12',
    // Within itself: a plan, or the path of one. What a plan means is checked apart, so that zod need not know.
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema !== StepSchema.shape.plan) return;
      const { description } = jsonSchema;
      for (const name of Object.keys(jsonSchema)) delete jsonSchema[name as keyof typeof jsonSchema];
      Object.assign(jsonSchema, { description, anyOf: [{ type: 'string', minLength: 1 }, { $ref: '#' }] });
    },
  });
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}
