/** The URL of a declared database: as the job names it, or in a variable of the worker's environment. */
import { HoldfastError } from '../../model/failure.ts';
import type { JobSettings } from '../../model/job/settings.ts';

const ENV_REFERENCE = /^\$\{\{\s*env\.([A-Za-z_]\w*)\s*\}\}$/;

export type WorkerEnv = Readonly<Record<string, string | undefined>>;

/**
 * What the job says of a database: a URL, or the variable that holds it.
 * @throws HoldfastError `undeclared-database`
 */
export function declaredReference(name: string, { databases }: Pick<JobSettings, 'databases'>): string {
  const reference = databases[name];
  if (reference !== undefined) return reference;
  const declared = Object.keys(databases).join(', ') || 'none';
  throw new HoldfastError('undeclared-database', `The job declares no database "${name}"; it declares ${declared}.`, {
    name,
  });
}

/** @throws HoldfastError `missing-variable`, naming the variable and never a value */
export function resolveUrl(name: string, reference: string, env: WorkerEnv): string {
  const url = urlIfSet(reference, env);
  if (url !== undefined) return url;
  const variable = ENV_REFERENCE.exec(reference)?.[1];
  throw new HoldfastError(
    'missing-variable',
    `Database "${name}" is at \${{ env.${variable} }}, and the worker's environment has no ${variable}.`,
    { name, variable },
  );
}

/** Undefined: the variable is not set, or empty. */
export function urlIfSet(reference: string, env: WorkerEnv): string | undefined {
  const variable = ENV_REFERENCE.exec(reference)?.[1];
  if (variable === undefined) return reference;
  return env[variable] === '' ? undefined : env[variable];
}

export function isSqliteUrl(url: string): boolean {
  return url.startsWith('sqlite:');
}
