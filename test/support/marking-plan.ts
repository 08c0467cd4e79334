/** Steps whose executions are counted outside of the workspace, where nothing of Holdfast's looks. */
import { join } from 'node:path';
import { linesOf } from './killing.ts';

export interface Marked {
  /** Beside the commands' own line. */
  readonly run?: string;
  readonly step?: object;
}

export interface Marking {
  /** The file with the lines. */
  readonly marksOf: (workspace: string) => string;
  /** A line for each execution of a command, by step, in the order of the executions. */
  readonly executions: (workspace: string) => readonly string[];
  /** A step that runs a command. */
  readonly command: (workspace: string, id: string, more?: Marked) => object;
  /** `a`, then `b`, which asks before its changes are applied, then `c`. */
  readonly asking: (workspace: string) => readonly object[];
}

export function markingIn(root: string): Marking {
  const marksOf = (workspace: string): string => join(root, `${workspace}-marks`);
  const command = (workspace: string, id: string, more: Marked = {}): object => ({
    id,
    use: 'command',
    with: {
      run: [`echo ${id} >> ${marksOf(workspace)}`, `mkdir -p ${id}; echo ${id} > ${id}/out`, more.run ?? 'true'].join(
        '; ',
      ),
      shell: true,
      paths: [`${id}/`],
    },
    ...more.step,
  });
  return {
    marksOf,
    executions: (workspace) => linesOf(marksOf(workspace)),
    command,
    asking: (workspace) => [
      command(workspace, 'a'),
      command(workspace, 'b', { step: { needs: ['a'], approval: 'before-apply' } }),
      command(workspace, 'c', { step: { needs: ['b'] } }),
    ],
  };
}
