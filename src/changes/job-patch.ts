/** All file changes of a job as one patch. */
import type { JobChanges } from './job-changes.ts';
import { patchOf } from './patch.ts';
import { wholeContent, type OpenContent } from './recorded-content.ts';

/** The file changes of a job as a patch. */
export interface JobPatch {
  /** For `git apply`. Empty: git sees no change. */
  readonly patch: string;
  /** What the patch can't hold: the file, and the reason in words. */
  readonly leftOut: readonly { readonly path: string; readonly why: string }[];
}

export async function jobPatch({ files }: JobChanges, contentOf: (path: string) => OpenContent): Promise<JobPatch> {
  const leftOut: { readonly path: string; readonly why: string }[] = [];
  const parts: string[] = [];
  // One after the other: each holds two contents.
  for (const file of files) {
    const { text, leftOut: why } = await patchOf(file, wholeContent(contentOf(file.path)));
    parts.push(text);
    if (why !== undefined) leftOut.push({ path: file.path, why });
  }
  return { patch: parts.join(''), leftOut };
}
