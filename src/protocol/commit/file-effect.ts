/** The effect that takes one path from the state before to what is staged there, and the order of such effects. */
import { HoldfastError } from '../../model/failure.ts';
import type { FileEffect } from '../../model/record/effect.ts';
import { ABSENT, sameState, type FileState } from '../../model/record/world.ts';
import { DEFAULT_FILE_MODE, type StagedFile } from '../attempt/staged-file.ts';

/** Undefined: the path is as wanted already. @throws HoldfastError `bad-input`, `busy` */
export function fileEffectOf(staged: StagedFile, before: FileState): FileEffect | undefined {
  switch (staged.kind) {
    case 'put':
      return putEffect(staged, before);
    case 'remove':
      return removeEffect(staged, before);
    case 'write':
      return writeEffect(staged, before);
  }
}

/** Removals come first, from within; then what is made, from outside; last the folders that are locked, from within. */
export function inOrder(effects: readonly FileEffect[]): FileEffect[] {
  const locks = (effect: FileEffect): boolean =>
    effect.kind === 'directory.mode' && (effect.after.mode & 0o300) !== 0o300;
  const byPath = (a: FileEffect, b: FileEffect): number => (a.path < b.path ? -1 : 1);
  const removals = effects
    .filter(({ after }) => after.kind === 'absent')
    .toSorted(byPath)
    .reverse();
  const made = effects.filter((effect) => effect.after.kind !== 'absent' && !locks(effect)).toSorted(byPath);
  return [...removals, ...made, ...effects.filter(locks).toSorted(byPath).reverse()];
}

type Staged<K extends StagedFile['kind']> = Extract<StagedFile, { kind: K }>;

function putEffect({ path, before: expected, after }: Staged<'put'>, before: FileState): FileEffect | undefined {
  if (expected !== undefined && !sameState(before, expected))
    throw new HoldfastError(
      'busy',
      `${path} has changed since the command was given it; the step runs again on what is there now.`,
      { path },
    );
  if (sameState(before, after)) return undefined;
  if (before.kind === 'other' || after.kind === 'other') {
    const what = before.kind === 'other' ? before.what : 'special file';
    throw new HoldfastError('bad-input', `${path} is a ${what}; it can be neither replaced nor made.`, { path });
  }
  switch (after.kind) {
    case 'file':
      return { kind: 'file.write', path, before, after };
    case 'symlink':
      return { kind: 'symlink.write', path, before, after };
    case 'directory':
      return { kind: before.kind === 'directory' ? 'directory.mode' : 'directory.create', path, before, after };
    case 'absent':
      return { kind: before.kind === 'directory' ? 'directory.remove' : 'file.remove', path, before, after };
  }
}

function removeEffect({ path }: Staged<'remove'>, before: FileState): FileEffect | undefined {
  if (before.kind === 'absent') return undefined;
  if (before.kind === 'directory')
    throw new HoldfastError('bad-input', `${path} is a folder; ctx.files.remove removes files.`, { path });
  return { kind: 'file.remove', path, before, after: ABSENT };
}

function writeEffect({ path, content, sizeBytes, mode: staged }: Staged<'write'>, before: FileState): FileEffect {
  if (before.kind === 'directory' || before.kind === 'other') {
    const what = before.kind === 'other' ? before.what : 'folder';
    throw new HoldfastError('bad-input', `${path} is a ${what}; a file cannot be written there.`, { path });
  }
  const mode = staged ?? (before.kind === 'file' ? before.mode : DEFAULT_FILE_MODE);
  return { kind: 'file.write', path, before, after: { kind: 'file', sizeBytes, mode, content } };
}
