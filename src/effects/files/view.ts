/** The workspace as a looker sees it, this moment. */
import { reservedInodes } from './reserved.ts';
import type { FileView, FileWorkspace, ReservedInodes } from './workspace.ts';

export function viewOf(workspace: FileWorkspace): FileView {
  let reserved: ReservedInodes | undefined;
  return {
    root: workspace.root,
    rootDevice: workspace.rootDevice,
    // Only once there is a file to compare: it takes a dozen looks, and a step mostly writes where nothing is yet.
    get reserved() {
      return (reserved ??= reservedInodes(workspace));
    },
  };
}
