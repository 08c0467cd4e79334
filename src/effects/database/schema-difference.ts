/**
 * What differs between two schemas of a table, in lines that a person can read. Pure.
 *
 * Invariants
 * 1. Different states give at least one line, equal ones none.
 * 2. A rename is claimed only on evidence: the new column stands where the old one stood, with the same type, default
 *    and so on, and nothing says that the data is not the same. Otherwise it is "dropped" and "added".
 * 3. Lines and their number are bounded.
 */
import { sameState, type SchemaState, type TableSchemaState } from '../../model/record/world.ts';
import type { Dialect, TablePlace } from './database.ts';
import { movedTableLine } from './moved-table.ts';

export const MAX_SCHEMA_DIFFERENCE_LINES = 50;
const MAX_LINE_CHARS = 300;

export interface SchemaDifferenceOptions {
  /**
   * Default `sqlite`, which numbers columns anew after a drop: there a last column dropped and added anew looks like
   * a renamed one.
   */
  readonly dialect?: Dialect;
  /** Whether the rows still hold under the new name what the record has under the old; undefined if no row can tell. */
  readonly isDataIntact?: (oldColumn: string, newColumn: string) => boolean | undefined;
  /** Where the recorded table is now, if anybody looked. */
  readonly place?: TablePlace | undefined;
}

/** What a definition begins with, up to its name. */
const NAMED = new RegExp(
  [
    '^(?:CREATE (?:UNIQUE )?INDEX|CREATE (?:CONSTRAINT )?TRIGGER|CREATE RULE|CONSTRAINT|POLICY|TYPE|DOMAIN)',
    '(?:"(?:[^"]|"")+"|\\S+)',
  ].join(' '),
  'i',
);

type Column = TableSchemaState['columns'][number];

export function describeSchemaDifference(
  expected: SchemaState,
  found: SchemaState,
  options: SchemaDifferenceOptions = {},
): readonly string[] {
  if (sameState(expected, found)) return [];
  if (expected.kind === 'absent')
    return [found.kind === 'absent' ? '' : cut(`table created, with the columns ${columnList(found)}`)];
  const moved = movedTableLine(expected, found, options.place);
  if (found.kind === 'absent') return [cut(moved ?? `table dropped; it had the columns ${columnList(expected)}`)];
  const renames = findRenames(expected, found, options);
  const lines = [
    ...(moved === undefined ? [] : [moved]),
    ...columnLines(expected, found, renames),
    ...primaryKeyLines(expected, found, renames),
    ...definitionLines('index', expected.indexes, found.indexes, renames),
    ...definitionLines('constraint', expected.constraints, found.constraints, renames),
    ...behaviourLines(expected, found, renames),
  ];
  if (lines.length === 0) lines.push(orderLine(expected, found));
  return bounded(lines.map(cut));
}

interface Rename {
  readonly from: string;
  readonly to: string;
  readonly isCertain: boolean;
}

function findRenames(
  expected: TableSchemaState,
  found: TableSchemaState,
  { dialect = 'sqlite', isDataIntact }: SchemaDifferenceOptions,
): readonly Rename[] {
  const lastPosition = Math.max(...expected.columns.map((column) => column.position));
  return missingFrom(expected.columns, found.columns).flatMap((old) => {
    const successor = missingFrom(found.columns, expected.columns).find((column) => column.position === old.position);
    if (successor === undefined || attributesOf(successor) !== attributesOf(old)) return [];
    const isIntact = isDataIntact?.(old.name, successor.name);
    if (isIntact === false) return [];
    const isCertain = isIntact === true || dialect === 'postgres' || old.position < lastPosition;
    return [{ from: old.name, to: successor.name, isCertain }];
  });
}

function columnLines(
  expected: TableSchemaState,
  found: TableSchemaState,
  renames: readonly Rename[],
): readonly string[] {
  const lines = renames.map(({ from, to, isCertain }) =>
    isCertain
      ? `column "${from}" renamed to "${to}"`
      : `column "${from}" is gone and "${to}" stands in its place with the same type: ` +
        'renamed, or dropped and added anew',
  );
  for (const column of missingFrom(expected.columns, found.columns)) {
    if (!renames.some(({ from }) => from === column.name))
      lines.push(`column "${column.name}" dropped (${describeColumn(column)})`);
  }
  for (const column of missingFrom(found.columns, expected.columns)) {
    if (!renames.some(({ to }) => to === column.name))
      lines.push(`column "${column.name}" added (${describeColumn(column)})`);
  }
  for (const old of expected.columns) {
    const now = found.columns.find((column) => column.name === old.name);
    if (now !== undefined) lines.push(...changedAttributes(old, now));
  }
  const [before, after] = [commonOrder(expected, found), commonOrder(found, expected)];
  if (before.join('\0') !== after.join('\0'))
    lines.push(`columns stand in another order: expected ${before.join(', ')}, found ${after.join(', ')}`);
  return lines;
}

function changedAttributes(old: Column, now: Column): readonly string[] {
  const lines: string[] = [];
  const name = `column "${old.name}"`;
  if (old.type !== now.type) lines.push(`${name}: type changed from ${old.type || 'none'} to ${now.type || 'none'}`);
  if (old.nullable !== now.nullable)
    lines.push(
      `${name}: ${now.nullable ? 'NOT NULL dropped, it may now be null' : 'NOT NULL added, it may no longer be null'}`,
    );
  if (old.default !== now.default)
    lines.push(`${name}: default changed from ${old.default ?? 'none'} to ${now.default ?? 'none'}`);
  if (old.generated !== now.generated)
    lines.push(`${name}: generation changed from ${old.generated ?? 'none'} to ${now.generated ?? 'none'}`);
  return lines;
}

function primaryKeyLines(
  expected: TableSchemaState,
  found: TableSchemaState,
  renames: readonly Rename[],
): readonly string[] {
  const old = expected.primaryKey.map((column) => renames.find(({ from }) => from === column)?.to ?? column);
  if (old.join('\0') === found.primaryKey.join('\0')) return [];
  if (old.length === 0) return [`primary key added: (${found.primaryKey.join(', ')})`];
  if (found.primaryKey.length === 0) return [`primary key dropped: (${expected.primaryKey.join(', ')})`];
  return [`primary key changed from (${expected.primaryKey.join(', ')}) to (${found.primaryKey.join(', ')})`];
}

/** Where both tell of it: an earlier version recorded less. */
function behaviourLines(
  { behaviour: expected }: TableSchemaState,
  { behaviour: found }: TableSchemaState,
  renames: readonly Rename[],
): readonly string[] {
  return expected === undefined || found === undefined
    ? []
    : definitionLines('what a write does:', expected, found, renames);
}

/** Definitions that only follow a rename are not told again; two with one name are one that changed. */
function definitionLines(
  what: 'index' | 'constraint' | 'what a write does:',
  expected: readonly string[],
  found: readonly string[],
  renames: readonly Rename[],
): readonly string[] {
  const followed = new Map(expected.map((definition) => [renameWithin(definition, renames), definition]));
  const dropped = [...followed]
    .filter(([now, before]) => !found.includes(now) && !found.includes(before))
    .map(([, before]) => before);
  const added = found.filter((definition) => !followed.has(definition) && !expected.includes(definition));
  const lines: string[] = [];
  for (const definition of dropped) {
    const name = definedName(definition);
    const index = name === undefined ? -1 : added.findIndex((candidate) => definedName(candidate) === name);
    if (index < 0) lines.push(`${what} dropped: ${definition}`);
    else lines.push(`${what} changed from ${definition} to ${added.splice(index, 1)[0]!}`);
  }
  return [...lines, ...added.map((definition) => `${what} added: ${definition}`)];
}

function renameWithin(definition: string, renames: readonly Rename[]): string {
  // At once, so that two columns that swapped names are not renamed twice.
  if (renames.length === 0) return definition;
  const pattern = new RegExp(renames.map(({ from }) => `(?<![\\w$])${escapePattern(from)}(?![\\w$])`).join('|'), 'g');
  return definition.replace(pattern, (name) => renames.find(({ from }) => from === name)?.to ?? name);
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, String.raw`\$&`);
}

function definedName(definition: string): string | undefined {
  return NAMED.exec(definition)?.[0].replace(/UNIQUE /i, '');
}

/** Neither columns nor definitions differ, so only the numbers of the columns can. */
function orderLine(expected: TableSchemaState, found: TableSchemaState): string {
  const positions = (state: TableSchemaState): string =>
    state.columns.map((column) => `${column.name} ${column.position}`).join(', ');
  const [before, after] = [positions(expected), positions(found)];
  return `columns are numbered anew, as a dump and restore does: expected ${before}, found ${after}`;
}

function commonOrder(state: TableSchemaState, compared: TableSchemaState): readonly string[] {
  const sorted = state.columns.toSorted((a, b) => a.position - b.position);
  return sorted.map((column) => column.name).filter((name) => compared.columns.some((column) => column.name === name));
}

function missingFrom(columns: readonly Column[], compared: readonly Column[]): readonly Column[] {
  return columns.filter((column) => !compared.some(({ name }) => name === column.name));
}

function attributesOf(column: Column): string {
  return JSON.stringify([column.type, column.nullable, column.default, column.generated]);
}

function describeColumn(column: Column): string {
  const parts = [
    column.type || 'no type',
    column.nullable ? '' : 'NOT NULL',
    column.default === null ? '' : `default ${column.default}`,
    column.generated ?? '',
  ];
  return parts.filter((part) => part !== '').join(', ');
}

function columnList(state: TableSchemaState): string {
  return state.columns.map((column) => column.name).join(', ');
}

function bounded(lines: readonly string[]): readonly string[] {
  if (lines.length <= MAX_SCHEMA_DIFFERENCE_LINES) return lines;
  const shown = lines.slice(0, MAX_SCHEMA_DIFFERENCE_LINES - 1);
  return [...shown, `… and ${lines.length - shown.length} more`];
}

function cut(line: string): string {
  return line.length > MAX_LINE_CHARS ? `${line.slice(0, MAX_LINE_CHARS - 1)}…` : line;
}
