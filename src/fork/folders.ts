/** The folder of a fork, and where it stands while it is made. */
import { basename, dirname, join } from 'node:path';
import { HoldfastError } from '../model/failure.ts';

/** Beside the folder, on its file system: it gets its name by a rename. */
export function buildingFor(into: string): string {
  return join(dirname(into), `.${basename(into)}.holdfast-fork`);
}

/** Whoever makes a fork there lives by it. */
export function lockFor(into: string): string {
  return `${buildingFor(into)}.lock`;
}

export function isWithin(folder: string, path: string): boolean {
  return path.startsWith(`${folder}/`);
}

/** @throws HoldfastError `bad-input` */
export function refuseWorkspace(from: string, into: string): void {
  if (into !== from && !isWithin(from, into) && !isWithin(into, from)) return;
  throw new HoldfastError(
    'bad-input',
    `A fork works in a folder of its own: ${into} and the other job's workspace ${from} are one, or one lies in the ` +
      'other.',
    { folder: into, nextStep: 'Name a folder beside it.' },
  );
}
