/** Fields that several parts of a plan share. */
import * as z from 'zod';
import type { Json } from '../canonical-json.ts';

export const JsonValueSchema = (z.json() as z.ZodType<Json>).meta({
  id: 'Value',
  description:
    'Any JSON value. Text may hold references: ${{ input.x }}, ${{ state.x }}, ${{ steps.ID.output.x }}, ' +
    "${{ job.id }}, in a step's `with` ${{ secrets.NAME }}. $${{ is the text ${{.",
});

const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,79}$/;
export const NAME_RULE = 'a letter, then at most 79 letters, digits, _ or -';
export const NameSchema = z.string().regex(NAME, NAME_RULE);
