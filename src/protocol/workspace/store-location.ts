/** Where a job's checkpoints are kept: a path, or named by reference to the worker's environment. */
import { isAbsolute } from 'node:path';
import { referencedVariable } from '../../model/env-reference.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { WorkerEnv } from './database-url.ts';

/** @throws HoldfastError `missing-variable` */
export function storeLocation(reference: string, env: WorkerEnv): string {
  const variable = referencedVariable(reference);
  if (variable === undefined) return isAbsolute(reference) ? reference : `./${reference}`;
  const value = env[variable];
  if (value !== undefined && value !== '') return value;
  throw new HoldfastError(
    'missing-variable',
    `The job's checkpoints are kept where the environment variable ${variable} says, and the worker has none of that ` +
      'name.',
    { variable },
  );
}
