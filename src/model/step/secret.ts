/**
 * Secrets by name: values of the worker's environment that are in no plan, history, ledger, log or error. A step is
 * given the value; everything else says the name.
 */
import * as z from 'zod';

/** A name of an environment variable. */
export const SecretNameSchema = z
  .string()
  .max(100)
  .regex(/^[A-Za-z_]\w*$/, 'expected the name of an environment variable: letters, digits, _');
export const MAX_SECRETS = 50;

/**
 * A text in a step's input that is made of pieces, some of them secrets. The place is the plan's: data can't name
 * one.
 */
export const PlacedSecretSchema = z.strictObject({
  at: z.array(z.union([z.string(), z.int().min(0)])),
  parts: z.array(z.union([z.string(), z.strictObject({ secret: z.string() })])),
});
export type PlacedSecret = z.infer<typeof PlacedSecretSchema>;

/** What stands in the place of a secret's value wherever text is recorded or shown. */
export function secretMark(name: string): string {
  return `«secret ${name}»`;
}
