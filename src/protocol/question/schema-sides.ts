/** The two sides of a table that is not as recorded: on each only what the other does not have. Pure. */
import type { TableSchemaState } from '../../model/record/world.ts';
import { cut } from './finding.ts';

export interface SidesText {
  readonly expected: string;
  readonly found: string;
}

/** Undefined: neither side has anything that the other lacks; then their columns are numbered anew. */
export function schemaSidesText(expected: TableSchemaState, found: TableSchemaState): SidesText | undefined {
  // What an earlier version did not record is no difference.
  const isComplete = expected.behaviour !== undefined && found.behaviour !== undefined;
  const [before, now] = [partsOf(expected, isComplete), partsOf(found, isComplete)];
  const gone = before.filter((part) => !now.includes(part));
  const added = now.filter((part) => !before.includes(part));
  if (gone.length === 0 && added.length === 0) return undefined;
  return { expected: sideText(gone, added), found: sideText(added, gone) };
}

function sideText(own: readonly string[], others: readonly string[]): string {
  return cut(own.length > 0 ? own.join('; ') : `without ${others.join('; ')}`);
}

function partsOf(state: TableSchemaState, isComplete: boolean): readonly string[] {
  return [
    ...(isComplete && state.table !== undefined ? [`table ${state.table.name} (object id ${state.table.id})`] : []),
    ...state.columns.map(columnText),
    ...(state.primaryKey.length > 0 ? [`primary key (${state.primaryKey.join(', ')})`] : []),
    ...state.indexes,
    ...state.constraints,
    ...(isComplete ? (state.behaviour ?? []) : []),
  ];
}

function columnText({ name, type, nullable, default: value, generated }: TableSchemaState['columns'][number]): string {
  const parts = [name, type, nullable ? '' : 'NOT NULL', value === null ? '' : `default ${value}`, generated ?? ''];
  return `column ${parts.filter((part) => part !== '').join(' ')}`;
}
