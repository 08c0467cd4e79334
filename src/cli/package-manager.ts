/** How a package is added to the project that a command runs in: its lockfile tells which package manager it has. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

const BY_LOCKFILE: readonly (readonly [lockfile: string, adding: string])[] = [
  ['pnpm-lock.yaml', 'pnpm add'],
  ['yarn.lock', 'yarn add'],
  ['package-lock.json', 'npm install'],
];

/**
 * What to type before the packages' names: `npm install`, unless the nearest lockfile is another one's. A package of a
 * monorepo has its lockfile in a folder above.
 */
export function addingPackages(folder: string): string {
  const adding = BY_LOCKFILE.find(([lockfile]) => existsSync(join(folder, lockfile)))?.[1];
  if (adding !== undefined) return adding;
  const above = dirname(folder);
  return above === folder ? 'npm install' : addingPackages(above);
}
