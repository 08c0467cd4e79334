/**
 * Refuses filesystems on which locks, rename and fsync are not known to keep their promises.
 *
 * Invariant: what is not recognised as a network filesystem is taken for local; the list errs on the side of refusing:
 * FUSE may be anything, so all of it is refused.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, realpathSync, statfsSync } from 'node:fs';
import { HoldfastError } from '../model/failure.ts';

/** statfs(2) f_type, from linux/magic.h and the filesystems' own sources. */
const NETWORK_TYPES: ReadonlyMap<number, string> = new Map([
  [0x6969, 'nfs'],
  [0x517b, 'smb'],
  [0xff534d42, 'cifs'],
  [0xfe534d42, 'smb2'],
  [0x01021997, '9p'],
  [0x00c36400, 'ceph'],
  [0x73757245, 'coda'],
  [0x5346414f, 'afs'],
  [0x6b414653, 'kafs'],
  [0x564c, 'ncp'],
  [0x0bd00bd0, 'lustre'],
  [0x47504653, 'gpfs'],
  [0x19830326, 'beegfs'],
  [0x20030528, 'orangefs'],
  [0xaad7aaea, 'panfs'],
  [0x7461636f, 'ocfs2'],
  [0x01161970, 'gfs2'],
  [0x786f4256, 'vboxsf'],
  [0xbacbacbc, 'vmhgfs'],
]);
const FUSE_TYPE = 0x65735546;
const NETWORK_NAMES =
  /^(nfs|smbfs|cifs|afpfs|webdav|9p|ceph|glusterfs|fuse\.(sshfs|glusterfs|s3fs|gcsfuse|rclone|ceph))/;
const FUSE_NAMES = /^(fuse|macfuse|osxfuse)/;

/**
 * Checks where an existing path lies. Safe to repeat; a few microseconds on Linux.
 * @throws HoldfastError `network-filesystem`
 */
export function assertLocalFilesystem(path: string): void {
  const name = filesystemName(path);
  if (name === undefined) return;
  const isUnknownFuse = FUSE_NAMES.test(name) && !NETWORK_NAMES.test(name);
  const expected = `a local filesystem${isUnknownFuse ? ' that is not FUSE, which may be anything' : ''}`;
  throw new HoldfastError(
    'network-filesystem',
    `"${path}" lies on ${name}, on which locks and renames are not known to be safe. Expected ${expected}.`,
    { path, filesystem: name },
  );
}

/** The filesystem's name where it is refused; undefined: local. */
function filesystemName(path: string): string | undefined {
  if (process.platform !== 'linux') {
    const name = mountTypeByMountCommand(path);
    return name !== undefined && (NETWORK_NAMES.test(name) || FUSE_NAMES.test(name)) ? name : undefined;
  }
  const type = statfsSync(path).type >>> 0;
  return type === FUSE_TYPE
    ? (mountType(readFileSync('/proc/self/mountinfo', 'utf8'), realpathSync.native(path)) ?? 'fuse')
    : NETWORK_TYPES.get(type);
}

/** The type of the innermost mount above a real path, from the text of /proc/self/mountinfo. */
export function mountType(mountinfo: string, realPath: string): string | undefined {
  let best: { point: string; type: string } | undefined;
  for (const line of mountinfo.split('\n')) {
    const [place, filesystem] = line.split(' - ');
    const escaped = place?.split(' ')[4];
    const type = filesystem?.split(' ')[0];
    if (escaped === undefined || type === undefined) continue;
    const point = escaped.replace(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    // A later line covers an earlier one of the same place.
    if (isAbove(point, realPath) && (best === undefined || point.length >= best.point.length)) best = { point, type };
  }
  return best?.type;
}

/** The same from what `mount` prints elsewhere: `//user@host/share on /Volumes/share (smbfs, nodev, …)`. */
export function mountTypeFromCommand(output: string, realPath: string): string | undefined {
  let best: { point: string; type: string } | undefined;
  for (const [, point, type] of output.matchAll(/^.* on (.+) \(([^,)]+)/gm)) {
    if (isAbove(point!, realPath) && (best === undefined || point!.length >= best.point.length))
      best = { point: point!, type: type! };
  }
  return best?.type;
}

function mountTypeByMountCommand(path: string): string | undefined {
  if (process.platform === 'win32') return path.startsWith('\\\\') ? 'smbfs' : undefined;
  return mountTypeFromCommand(execFileSync('mount', { encoding: 'utf8' }), realpathSync.native(path));
}

function isAbove(point: string, path: string): boolean {
  return point === '/' || path === point || path.startsWith(`${point}/`);
}
