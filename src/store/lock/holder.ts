/**
 * Who holds a workspace's lock, as far as it can be proved.
 *
 * Invariant: who holds the lock is the kernel's word (/proc/<pid>/fdinfo), never a file's. Where the kernel doesn't
 * say, nobody is found.
 */
import { readdirSync, readFileSync, readlinkSync, statSync, type Stats } from 'node:fs';
import { basename } from 'node:path';
import { lastSignOf, readHolders, type Holder } from './holder-file.ts';
import { isAlive } from '../life/process-identity.ts';

/** SQLite's SHARED_FIRST: a write lock on this byte is an exclusive transaction (sqlite3/os_unix.c). */
const SHARED_FIRST = 0x40000002;

/** The process that holds the lock by the kernel's word, and of which its own file tells who it is. */
export function findHolder(directory: string, lockPath: string): Holder | undefined {
  return readHolders(directory).find(({ identity }) => isAlive(identity) && holdsLock(identity.pid, lockPath));
}

/**
 * Where the kernel doesn't tell: whoever says that it holds the lock; of several, which dead ones may have left, the
 * one with the latest sign. Good enough for a message, not for a verdict.
 */
export function findClaimedHolder(directory: string): Holder | undefined {
  const claims = readHolders(directory).filter(({ holding }) => holding !== null);
  const signMs = ({ identity }: Holder): number => lastSignOf(directory, identity)?.at.getTime() ?? 0;
  return claims.toSorted((a, b) => signMs(b) - signMs(a))[0];
}

/** Does a file that the process has open carry the exclusive lock on this one? */
function holdsLock(pid: number, lockPath: string): boolean {
  try {
    const lock = statSync(lockPath);
    const descriptors = readdirSync(`/proc/${pid}/fd`);
    return descriptors.some((descriptor) => locksBy(pid, descriptor, lockPath, lock));
  } catch {
    // Another user's process, another system, or it has just ended: the kernel doesn't say.
    return false;
  }
}

function locksBy(pid: number, descriptor: string, lockPath: string, lock: Stats): boolean {
  try {
    const link = `/proc/${pid}/fd/${descriptor}`;
    // The name first: stat of whatever else it has open could wait for a server that is away.
    if (basename(readlinkSync(link)) !== basename(lockPath)) return false;
    const open = statSync(link);
    if (open.dev !== lock.dev || open.ino !== lock.ino) return false;
    return listsExclusiveLock(readFileSync(`/proc/${pid}/fdinfo/${descriptor}`, 'latin1'));
  } catch {
    return false;
  }
}

/**
 * The kernel lists an open file's locks as `lock: 1: POSIX  ADVISORY  WRITE 1234 fe:00:5678 1073741824 1073742335`.
 * (/proc/locks would name the file only by a device that on Btrfs is not the one that stat tells.)
 */
function listsExclusiveLock(fdinfo: string): boolean {
  const locks = fdinfo.matchAll(/^lock:.*POSIX\s+ADVISORY\s+WRITE\s+\d+\s+\S+\s+(\d+)\s+(\d+|EOF)$/gm);
  return [...locks].some(
    ([, first, last]) => Number(first) <= SHARED_FIRST && (last === 'EOF' || Number(last) >= SHARED_FIRST),
  );
}
