/**
 * File changes as a patch that `git apply` takes.
 *
 * Invariants
 * 1. Applied to the files as they were, it gives them as they are, byte for byte. What git can't carry (folders, other
 *    modes than "may be executed", a path with `.git` in it) is not in it, and is listed as left out.
 * 2. It is text: what is not UTF-8, has a NUL byte or is large travels whole, in base 85.
 * 3. Memory is bounded: a file beyond `MAX_PATCHED_BYTES` is left out.
 */
import { isUtf8 } from 'node:buffer';
import { structuredPatch, type StructuredPatchHunk } from 'diff';
import type { FileState } from '../model/record/world.ts';
import { binaryLiteral, NO_OBJECT, objectIdOf } from './git-binary.ts';
import { gitPath, isForGit } from './git-path.ts';
import type { ReadContent } from './recorded-content.ts';

export interface PatchedFile {
  /** Relative to the workspace, `/` between parts. */
  readonly path: string;
  /** Absent: the job made it. */
  readonly before: FileState;
  /** Absent: the job removed it. */
  readonly after: FileState;
}

export interface FilePatch {
  /** Empty: git sees no change. */
  readonly text: string;
  /** Why the change is not in the patch. */
  readonly leftOut?: string;
}

const MAX_TEXT_BYTES = 1024 * 1024;
/** `git apply` reads a patch as a whole, and takes none beyond 1 GiB. */
const MAX_PATCHED_BYTES = 64 * 1024 * 1024;
const CONTEXT_LINES = 3;
/** Beyond, the whole content is shorter than the work. */
const MAX_EDITS = 5_000;
const EXECUTABLE = 0o111;

/** Files have two modes in git, links one. */
export type GitMode = '100644' | '100755' | '120000';

/** What git has of a path: a file's or a link's bytes. */
interface GitEntry {
  readonly mode: GitMode;
  readonly bytes: Buffer;
}

/** The change of one path. */
export async function patchOf({ path, before, after }: PatchedFile, read: ReadContent): Promise<FilePatch> {
  if (!isForGit(path)) return leftOut('git takes no path with .git in it');
  const other = [before, after].find((state) => state.kind === 'other');
  if (other?.kind === 'other') return leftOut(`git cannot hold a ${other.what}`);
  // Where the mode alone differs, no content is needed.
  const isSame = before.kind === 'file' && after.kind === 'file' && before.content === after.content;
  const isLarge = [before, after].some((state) => state.kind === 'file' && state.sizeBytes > MAX_PATCHED_BYTES);
  if (isLarge && !isSame) return leftOut('larger than 64 MiB; `holdfast export --git` takes it along');
  const readHere: ReadContent = isSame ? async () => await Promise.resolve(EMPTY) : read;
  const [old, next] = [await entryOf(before, readHere), await entryOf(after, readHere)];
  if (old === 'gone' || next === 'gone') return leftOut('a content is not in the store any more');
  // A link in place of a file, or the other way round, is two changes for git.
  if (old !== undefined && next !== undefined && isLink(old) !== isLink(next))
    return { text: entryPatch(path, old, undefined) + entryPatch(path, undefined, next) };
  return { text: entryPatch(path, old, next) };
}

function leftOut(why: string): FilePatch {
  return { text: '', leftOut: why };
}

/** Undefined: git has nothing there, since it has no folders. */
async function entryOf(state: FileState, read: ReadContent): Promise<GitEntry | 'gone' | undefined> {
  if (state.kind === 'symlink') return { mode: '120000', bytes: Buffer.from(state.target) };
  if (state.kind !== 'file') return undefined;
  const bytes = await read(state.content);
  return bytes === undefined ? 'gone' : { mode: gitModeOf(state), bytes };
}

export function gitModeOf({ mode }: { readonly mode: number }): GitMode {
  return (mode & EXECUTABLE) === 0 ? '100644' : '100755';
}

function isLink({ mode }: GitEntry): boolean {
  return mode === '120000';
}

function entryPatch(path: string, before: GitEntry | undefined, after: GitEntry | undefined): string {
  if (before === undefined && after === undefined) return '';
  const [oldName, newName] = [gitPath(`a/${path}`), gitPath(`b/${path}`)];
  const modes = modeLines(before, after);
  const head = [`diff --git ${oldName} ${newName}`, ...modes];
  if (before !== undefined && after !== undefined && before.bytes.equals(after.bytes))
    return modes.length === 0 ? '' : `${head.join('\n')}\n`;
  const [oldBytes, newBytes] = [before?.bytes ?? EMPTY, after?.bytes ?? EMPTY];
  const mode = before !== undefined && before.mode === after?.mode ? ` ${before.mode}` : '';
  head.push(`index ${idOf(before)}..${idOf(after)}${mode}`);
  const hunks = hunksOf(oldBytes, newBytes);
  if (hunks === undefined)
    return `${head.join('\n')}\nGIT binary patch\n${binaryLiteral(newBytes)}${binaryLiteral(oldBytes)}`;
  if (hunks === '') return `${head.join('\n')}\n`;
  const sides = [`--- ${before === undefined ? NOWHERE : oldName}`, `+++ ${after === undefined ? NOWHERE : newName}`];
  return `${[...head, ...sides].join('\n')}\n${hunks}`;
}

const EMPTY = Buffer.alloc(0);
const NOWHERE = '/dev/null';

function idOf(entry: GitEntry | undefined): string {
  return entry === undefined ? NO_OBJECT : objectIdOf(entry.bytes);
}

function modeLines(before: GitEntry | undefined, after: GitEntry | undefined): string[] {
  if (before === undefined) return [`new file mode ${after!.mode}`];
  if (after === undefined) return [`deleted file mode ${before.mode}`];
  return before.mode === after.mode ? [] : [`old mode ${before.mode}`, `new mode ${after.mode}`];
}

/** Undefined: the contents travel whole. Empty: both contents are. */
function hunksOf(before: Buffer, after: Buffer): string | undefined {
  if (before.byteLength > MAX_TEXT_BYTES || after.byteLength > MAX_TEXT_BYTES) return undefined;
  if ([before, after].some((bytes) => bytes.includes(0) || !isUtf8(bytes))) return undefined;
  const limit = before.byteLength === 0 || after.byteLength === 0 ? {} : { maxEditLength: MAX_EDITS };
  const [old, next] = [before.toString(), after.toString()];
  const patch = structuredPatch('', '', old, next, undefined, undefined, { context: CONTEXT_LINES, ...limit });
  return patch?.hunks.map(hunkText).join('');
}

/** Of no lines, git names the line before. */
function hunkText({ oldStart, oldLines, newStart, newLines, lines }: StructuredPatchHunk): string {
  const [old, next] = [oldLines === 0 ? oldStart - 1 : oldStart, newLines === 0 ? newStart - 1 : newStart];
  return [`@@ -${old},${oldLines} +${next},${newLines} @@`, ...lines].map((line) => `${line}\n`).join('');
}
