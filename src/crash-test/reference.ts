/**
 * What undisturbed runs of the job have in common: what a disturbed one is compared with. What differs between two of
 * them (a clock, chance) is not compared, only counted. Pure.
 */
import type { Json } from '../model/canonical-json.ts';
import type { Run } from './ran.ts';
import type { LeftFile, LeftWorld } from './world.ts';

export interface Reference {
  readonly run: Run;
  /** Path → the file, where its content is the same each time; else without digest and text. */
  readonly files: ReadonlyMap<string, ReferenceFile>;
  /** Folder → how many files it gets whose names differ each time. */
  readonly unsteadyFiles: ReadonlyMap<string, number>;
  readonly tables: ReadonlyMap<string, ReferenceTable>;
  /** Paths within the result that differ each time: `outputs.load.at`. */
  readonly unsteadyResult: ReadonlySet<string>;
  /** For people: what was not compared in full. */
  readonly notes: readonly string[];
}

export interface ReferenceFile {
  readonly left: LeftFile;
  readonly isSteady: boolean;
  readonly hasSteadyLength: boolean;
}

export interface ReferenceTable {
  readonly rows: readonly string[];
  /** Columns that hold the same each time. Undefined: all do. */
  readonly columns: readonly string[] | undefined;
}

export function referenceOf(run: Run, other: Run): Reference {
  const { files, unsteadyFiles } = steadyFiles(run.world, other.world);
  const tables = steadyTables(run.world, other.world);
  const unsteadyResult = new Set(
    run.end.kind === 'ended' && other.end.kind === 'ended' ? differingPaths(run.end.result, other.end.result) : [],
  );
  const notes = [
    ...[...files].flatMap(([name, { isSteady }]) => (isSteady ? [] : [`file:${name}`])),
    ...[...unsteadyFiles].map(([folder, count]) => `names of ${count} files in ${folder}`),
    ...[...tables].flatMap(([name, { columns }]) => (columns === undefined ? [] : [`rows of ${name}`])),
    ...[...unsteadyResult].map((path) => `result ${path}`),
  ];
  return { run, files, unsteadyFiles, tables, unsteadyResult, notes };
}

function steadyFiles(world: LeftWorld, other: LeftWorld): Pick<Reference, 'files' | 'unsteadyFiles'> {
  const files = new Map<string, ReferenceFile>();
  const unsteadyFiles = new Map<string, number>();
  for (const [name, left] of Object.entries(world.files)) {
    const again = other.files[name];
    if (again === undefined) unsteadyFiles.set(folderOf(name), (unsteadyFiles.get(folderOf(name)) ?? 0) + 1);
    else files.set(name, { left, isSteady: isSame(left, again), hasSteadyLength: left.lines === again.lines });
  }
  return { files, unsteadyFiles };
}

export function isSame(one: LeftFile, other: LeftFile): boolean {
  return one.kind === other.kind && one.mode === other.mode && one.digest === other.digest;
}

export function folderOf(name: string): string {
  return name.includes('/') ? name.slice(0, name.lastIndexOf('/')) : '.';
}

function steadyTables(world: LeftWorld, other: LeftWorld): ReadonlyMap<string, ReferenceTable> {
  return new Map(
    Object.entries(world.tables).map(([name, rows]): [string, ReferenceTable] => {
      const again = other.tables[name] ?? [];
      if (rows.join('\n') === again.join('\n')) return [name, { rows, columns: undefined }];
      const columns = columnsOf(rows).filter(
        (column) => projected(rows, [column]).join('\n') === projected(again, [column]).join('\n'),
      );
      return [name, { rows, columns }];
    }),
  );
}

function columnsOf(rows: readonly string[]): readonly string[] {
  return rows.length === 0 ? [] : Object.keys(JSON.parse(rows[0]!) as object);
}

/** Sorted, with these columns alone. */
export function projected(rows: readonly string[], columns: readonly string[] | undefined): readonly string[] {
  if (columns === undefined) return rows;
  return rows
    .map((row) => {
      const values = JSON.parse(row) as Readonly<Record<string, unknown>>;
      return JSON.stringify(Object.fromEntries(columns.map((column) => [column, values[column]])));
    })
    .toSorted();
}

/** Where two values differ: the narrowest places. */
export function differingPaths(one: Json, other: Json, path = ''): readonly string[] {
  if (isObject(one) && isObject(other)) {
    const names = new Set([...Object.keys(one), ...Object.keys(other)]);
    return [...names].flatMap((name) =>
      differingPaths(one[name] ?? null, other[name] ?? null, path === '' ? name : `${path}.${name}`),
    );
  }
  return JSON.stringify(one) === JSON.stringify(other) ? [] : [path];
}

export function valueAt(value: Json, path: string): Json {
  return path
    .split('.')
    .filter((name) => name !== '')
    .reduce<Json>((within, name) => (isObject(within) ? (within[name] ?? null) : null), value);
}

function isObject(value: Json): value is Readonly<Record<string, Json>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
