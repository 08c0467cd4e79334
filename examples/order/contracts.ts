/** The step that the plan's built-in ones don't cover. */
import { defineStep, z } from 'holdfast';

export const chargeCard = defineStep({
  name: 'charge-card',
  input: z.object({ order: z.string(), amount: z.number() }),
  output: z.object({ id: z.string() }),
});
