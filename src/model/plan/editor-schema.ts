/**
 * The plan's form as JSON Schema, for editors: schema/plan.schema.json holds its text.
 */
import * as z from 'zod';
import { PlanSchema } from './plan.ts';

/** The text of schema/plan.schema.json. Pure: the same for the same schema. */
export function planSchemaText(): string {
  return `${JSON.stringify(z.toJSONSchema(PlanSchema, { io: 'input', target: 'draft-2020-12' }), undefined, 2)}\n`;
}
