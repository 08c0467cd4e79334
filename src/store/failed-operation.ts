/**
 * Which operation failed, for a person: the one that the system names, unless the caller's word for it says more.
 *
 * Invariant: a word is kept only for system calls that it stands for; around several operations the one that failed is
 * named.
 */

const SEEN = ['lstat', 'stat', 'fstat', 'access', 'realpath', 'statfs'];

/** The calls that a word stands for, besides the call of that name. */
const CALLS_OF: Readonly<Record<string, readonly string[]>> = {
  'look at': [...SEEN, 'readlink'],
  check: SEEN,
  copy: ['copyfile'],
  create: ['open', 'mkdir'],
  list: ['scandir', 'opendir', ...SEEN],
  read: ['open', 'readlink', 'fstat', 'scandir'],
  remove: ['rm', 'unlink', 'rmdir', 'scandir', ...SEEN],
  write: ['open', 'ftruncate', ...SEEN],
  change: ['open', 'fchmod', 'rmdir'],
  chmod: ['fchmod'],
  fsync: ['open', 'fdatasync'],
};

/** Where the system's name says too little, or is another one of the same. */
const WORD_OF: Readonly<Record<string, string>> = {
  ...Object.fromEntries(SEEN.map((call) => [call, 'look at'])),
  copyfile: 'copy',
  fchmod: 'chmod',
  fdatasync: 'fsync',
  ftruncate: 'write',
  lutime: 'set the time of',
  opendir: 'list',
  readlink: 'read',
  rm: 'remove',
  scandir: 'list',
  utime: 'set the time of',
};

/** @param said what the caller was doing */
export function failedOperation(said: string, cause: unknown): string {
  const call = cause instanceof Error && 'syscall' in cause ? cause.syscall : undefined;
  if (typeof call !== 'string' || call === said || CALLS_OF[said]?.includes(call) === true) return said;
  return WORD_OF[call] ?? call;
}
