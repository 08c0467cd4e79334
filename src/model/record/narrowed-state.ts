/** States as the kind of their resource has them. */
import { invariant } from '../invariant.ts';
import type { FileState, ResourceState, RowState, SchemaState } from './world.ts';

const FILE_KINDS: ReadonlySet<string> = new Set(['absent', 'file', 'directory', 'symlink', 'other']);

/** What a row's resource shows. */
export function rowState(state: ResourceState | undefined): RowState {
  invariant(state?.kind === 'absent' || state?.kind === 'row', `a row is absent or a row, not ${state?.kind}`);
  return state;
}

/** What a table's resource shows. */
export function schemaState(state: ResourceState | undefined): SchemaState {
  invariant(
    state?.kind === 'absent' || state?.kind === 'schema',
    `a table is absent or has a schema, not ${state?.kind}`,
  );
  return state;
}

/** What a path's resource shows. */
export function fileState(state: ResourceState | undefined): FileState {
  invariant(isFileState(state), `${state?.kind} is no state of a path`);
  return state;
}

function isFileState(state: ResourceState | undefined): state is FileState {
  return state !== undefined && FILE_KINDS.has(state.kind);
}
