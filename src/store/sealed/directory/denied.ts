/** Which permission of which path is missing where the system said no. */
import { accessSync, constants } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join, sep } from 'node:path';
import { HoldfastError, isFailure } from '../../../model/failure.ts';
import { systemCode } from '../../durable-file.ts';

/** What an operation needs: of the folder that holds the path, unless it is of the path itself. */
const NEEDS: Readonly<Record<string, 'write to its folder' | 'write' | 'read'>> = {
  create: 'write to its folder',
  link: 'write to its folder',
  rename: 'write to its folder',
  unlink: 'write to its folder',
  mkdir: 'write to its folder',
  rmdir: 'write to its folder',
  write: 'write',
};

/** The same failure, with the permission that is missing; any other as it is. */
export function explainDenied(error: unknown): unknown {
  if (!isFailure(error, 'permission-denied')) return error;
  const { path, operation } = error.details;
  if (typeof path !== 'string') return error;
  const missing = missingPermission(path, String(operation));
  const user = userName();
  const what =
    missing === undefined
      ? `The permissions as shown allow it to ${user}: look for attributes (\`lsattr\`), read-only mounts and ` +
        'security modules'
      : `Expected that ${user} may ${missing.permission} "${missing.path}"`;
  const nextStep = missing === undefined ? undefined : `Allow ${user} to ${missing.permission} "${missing.path}".`;
  return new HoldfastError(
    'permission-denied',
    `${error.message} ${what}.`,
    { ...error.details, user, ...(missing !== undefined && { missing, nextStep }) },
    { cause: error.cause },
  );
}

interface Missing {
  /** `enter`, `write to`, `read` */
  readonly permission: string;
  readonly path: string;
}

function missingPermission(path: string, operation: string): Missing | undefined {
  for (const folder of foldersAbove(path))
    if (isDenied(folder, constants.X_OK)) return { permission: 'enter', path: folder };
  const need = NEEDS[operation] ?? 'read';
  const target = need === 'write to its folder' ? dirname(path) : path;
  const isWrite = need !== 'read';
  if (!isDenied(target, isWrite ? constants.W_OK : constants.R_OK)) return undefined;
  return { permission: isWrite ? 'write to' : 'read', path: target };
}

/** From the root down; the path itself is not among them. */
function foldersAbove(path: string): readonly string[] {
  const parts = dirname(path).split(sep).filter(Boolean);
  return [sep, ...parts.map((_part, index) => join(sep, ...parts.slice(0, index + 1)))];
}

function isDenied(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return false;
  } catch (error) {
    return systemCode(error) === 'EACCES';
  }
}

function userName(): string {
  const id = process.geteuid?.() ?? -1;
  try {
    return `user ${userInfo().username} (uid ${id})`;
  } catch {
    return `uid ${id}`;
  }
}
