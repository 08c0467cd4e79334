/** What a role lacks where PostgreSQL denied it something. */
import { HoldfastError, isFailure } from '../../../model/failure.ts';
import type { Run } from './connections.ts';
import { PRIVILEGES, quoted } from './schema-text.ts';

/**
 * The same failure, with what the role may not: looked up in the server's own tables. Any other failure as it is.
 * @param run another connection: that of the failure is given up
 */
export async function explainDenied(error: unknown, schema: string, run: Run): Promise<unknown> {
  if (!isFailure(error, 'permission-denied') || error.details['sqlState'] !== '42501') return error;
  const found = await missingPrivileges(schema, run).catch(() => undefined);
  if (found === undefined || found.missing.length === 0) return error;
  const { role, missing } = found;
  const list = missing.join(', ');
  return new HoldfastError(
    'permission-denied',
    `${error.message} Role "${role}" lacks ${list}.`,
    { ...error.details, role, missing, nextStep: `Grant it: ${missing.map((one) => grant(one, role)).join(' ')}` },
    { cause: error.cause },
  );
}

function grant(privilege: string, role: string): string {
  return `GRANT ${privilege} TO ${quoted(role)};`;
}

async function missingPrivileges(
  schema: string,
  run: Run,
): Promise<{ readonly role: string; readonly missing: readonly string[] }> {
  const { rows } = await run({ text: PRIVILEGES, values: [schema] });
  const [role] = rows[0]!;
  return { role: role!, missing: rows.flatMap(([, privilege]) => privilege ?? []) };
}
