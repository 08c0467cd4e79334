/** What a command is given, as a digest: an equal one means that nothing of it has changed, as far as stat can tell. */
import type { Tree, TreeEntry } from '../../../effects/files/tree.ts';
import { digestOf, type Digest } from '../../../model/digest.ts';
import type { PathSelection } from '../../../model/step/path-selection.ts';

export function treeDigest(workspace: Tree, selection: PathSelection): Digest {
  return digestOf(
    [...workspace]
      .filter(([path]) => selection.has(path))
      .map(([path, entry]) => stampOf(path, entry))
      .sort(),
  );
}

function stampOf(path: string, { kind, mode, sizeBytes, inode, mtimeNs, ctimeNs, target }: TreeEntry): string {
  switch (kind) {
    case 'directory':
      return `${path}\0d${mode}`;
    case 'symlink':
      return `${path}\0l${target}`;
    default:
      return `${path}\0${kind}${mode} ${sizeBytes} ${inode} ${mtimeNs} ${ctimeNs}`;
  }
}
