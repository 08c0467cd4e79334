/**
 * What a git index says: which content is staged under which name. Git writes the file anew whenever it only looks
 * (`git status`), because it keeps there what it last saw of the files' times. Pure.
 */
import { createHash } from 'node:crypto';

/** The index of a repository, of its submodules and of its linked worktrees. */
const INDEX_PATH = /(?:^|\/)\.git\/(?:(?:modules|worktrees)\/.+\/)?index$/;

const HEADER_BYTES = 12;
const VERSIONS: ReadonlySet<number> = new Set([2, 3]);
/** Of an entry: times, device, inode; then its mode; then owner and size; then the content's name. */
const MODE_AT = 24;
const CONTENT_AT = 40;
const CONTENT_BYTES = 20;
const FLAGS_AT = CONTENT_AT + CONTENT_BYTES;
const IS_EXTENDED = 0x4000;
const ALIGNMENT = 8;
const CHECKSUM_BYTES = 20;
const EXTENSION_HEADER_BYTES = 8;
/** Extensions that hold what git can work out again at any time. Others belong to what the index says. */
const CACHES: ReadonlySet<string> = new Set(['TREE', 'UNTR', 'FSMN', 'EOIE', 'IEOT']);

export function isGitIndexPath(path: string): boolean {
  return INDEX_PATH.test(path);
}

/**
 * Equal for two indexes that say the same. Undefined: it is none of version 2 or 3 with SHA-1, or not whole; then only
 * its bytes tell.
 */
export function meaningOfIndex(bytes: Buffer): string | undefined {
  const end = bytes.byteLength - CHECKSUM_BYTES;
  if (end < HEADER_BYTES || bytes.toString('latin1', 0, 4) !== 'DIRC' || !VERSIONS.has(bytes.readUInt32BE(4)))
    return undefined;
  if (!createHash('sha1').update(bytes.subarray(0, end)).digest().equals(bytes.subarray(end))) return undefined;
  const meaning = createHash('sha256');
  let at = HEADER_BYTES;
  for (let left = bytes.readUInt32BE(8); left > 0; left--) {
    if (at + FLAGS_AT + 2 > end) return undefined;
    const nameEnd = bytes.indexOf(0, nameStart(bytes, at));
    if (nameEnd < 0 || nameEnd >= end) return undefined;
    meaning.update(bytes.subarray(at + MODE_AT, at + MODE_AT + 4)).update(bytes.subarray(at + CONTENT_AT, nameEnd + 1));
    at += Math.ceil((nameEnd + 1 - at) / ALIGNMENT) * ALIGNMENT;
  }
  while (at + EXTENSION_HEADER_BYTES <= end) {
    const next = at + EXTENSION_HEADER_BYTES + bytes.readUInt32BE(at + 4);
    if (!CACHES.has(bytes.toString('latin1', at, at + 4))) meaning.update(bytes.subarray(at, next));
    at = next;
  }
  return at === end ? meaning.digest('hex') : undefined;
}

function nameStart(bytes: Buffer, entry: number): number {
  const isExtended = (bytes.readUInt16BE(entry + FLAGS_AT) & IS_EXTENDED) !== 0;
  return entry + FLAGS_AT + (isExtended ? 4 : 2);
}
