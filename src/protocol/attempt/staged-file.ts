/** What a step has staged at one path. */
import type { Digest } from '../../model/digest.ts';
import { ABSENT, type FileState } from '../../model/record/world.ts';

export const DEFAULT_FILE_MODE = 0o644;

export type StagedFile =
  | {
      readonly kind: 'write';
      readonly path: string;
      readonly content: Digest;
      readonly sizeBytes: number;
      /** Undefined: that of the file which is replaced, else `DEFAULT_FILE_MODE`. */
      readonly mode?: number | undefined;
      /** Are other names of the file left with the old content? Undefined: it is refused then. */
      readonly splits?: boolean;
    }
  | { readonly kind: 'remove'; readonly path: string }
  /**
   * Exactly this state, of whatever kind: what a command made of the path. `before` is what the command was given;
   * absent where the command was given what its step had staged.
   */
  | { readonly kind: 'put'; readonly path: string; readonly after: FileState; readonly before?: FileState };

/** What a read of the path finds. */
export function stateOfStaged(staged: StagedFile): FileState {
  switch (staged.kind) {
    case 'put':
      return staged.after;
    case 'remove':
      return ABSENT;
    case 'write':
      return {
        kind: 'file',
        sizeBytes: staged.sizeBytes,
        mode: staged.mode ?? DEFAULT_FILE_MODE,
        content: staged.content,
      };
  }
}
