/** A change as people read it: what, by whom, and the difference, bounded. */
import { describeFileDifference } from '../effects/files/difference.ts';
import { describeRowChange } from '../effects/database/row-difference.ts';
import { describeSchemaDifference } from '../effects/database/schema-difference.ts';
import { defined } from '../model/defined.ts';
import { formatResource } from '../model/record/resource.ts';
import type { ChangedBy } from '../model/record/net-changes.ts';
import type { FileState, ResourceState } from '../model/record/world.ts';
import type { FileChange, JobChanges, RowChange, SchemaChange } from './job-changes.ts';
import { wholeContent, type OpenContent, type ReadContent } from './recorded-content.ts';

/** A: it is there now; D: it is gone; M: it is another; T: it is another kind of thing. */
export type Sign = 'A' | 'D' | 'M' | 'T';

/** One changed resource, without its contents. */
export interface ListedChange {
  /** `file:report.md`, `row:main/note/{"id":1}`, `schema:main/note`. */
  readonly resource: string;
  /** What became of it, as one letter. */
  readonly sign: Sign;
  /** Who changed it, the first first. */
  readonly by: readonly ChangedBy[];
}

/** One changed resource with its difference in words. */
export interface ShownChange extends ListedChange {
  /** One line: sizes, modes, lines added and removed. */
  readonly summary: string;
  /** Lines with `-` and `+`; cut to a bound. */
  readonly difference?: string;
}

/** Files, rows and schemas, in this order, without looking at contents. */
export function listedChanges({ files, rows, schemas }: JobChanges): readonly ListedChange[] {
  return [...files.map(listedFile), ...rows.map(listedRow), ...schemas.map(listedSchema)];
}

/** The same, with what differs. */
export async function shownChanges(
  { files, rows, schemas }: JobChanges,
  contentOf: (path: string) => OpenContent,
): Promise<readonly ShownChange[]> {
  const shown: ShownChange[] = [];
  // One after the other: each holds two contents.
  for (const file of files) shown.push(await shownFile(file, wholeContent(contentOf(file.path))));
  return [...shown, ...rows.map(shownRow), ...schemas.map(shownSchema)];
}

function listedFile({ path, before, after, by }: FileChange): ListedChange {
  return { resource: formatResource({ kind: 'file', path }), sign: signOf(before, after), by };
}

function listedRow({ database, table, key, before, after, by }: RowChange): ListedChange {
  return { resource: formatResource({ kind: 'row', database, table, key }), sign: signOf(before, after), by };
}

function listedSchema({ database, table, before, after, by }: SchemaChange): ListedChange {
  return { resource: formatResource({ kind: 'schema', database, table }), sign: signOf(before, after), by };
}

const LINES = { maxLines: 200, maxBytes: 32 * 1024 };

async function shownFile(file: FileChange, read: ReadContent): Promise<ShownChange> {
  const { before, after } = file;
  const { summary, text } = await describeFileDifference(before, after, async (digest) => await read(digest), LINES);
  const difference = text === '' ? undefined : text;
  return { ...listedFile(file), summary: summaryOf(summary, before, after), ...defined({ difference }) };
}

/** The sign says already whether it is new or gone; of a new file its usual mode needs no word. */
function summaryOf(summary: string, before: FileState, after: FileState): string {
  const said = summary.replace(/^(?:new: |missing: was )/, '');
  if (before.kind === 'absent') return said.replace(/^a file \(mode 0644\); /, '').replace('nothing → ', '');
  return after.kind === 'absent' ? said.replace(' → nothing', '') : said;
}

function shownRow(row: RowChange): ShownChange {
  const lines = describeRowChange(row.before ?? { kind: 'absent' }, row.after);
  const difference = lines.length === 0 ? undefined : lines.join('\n');
  const summary = row.before === undefined ? 'no record tells what it was before' : '';
  return { ...listedRow(row), summary, ...defined({ difference }) };
}

function shownSchema(schema: SchemaChange): ShownChange {
  const { before, after } = schema;
  const lines = before === undefined ? [] : describeSchemaDifference(before, after);
  const columns = after.kind === 'schema' ? after.columns.map(({ name, type }) => `${name} ${type}`).join(', ') : '';
  const summary = lines.length > 0 ? lines.join('; ') : `first recorded, with the columns ${columns}`;
  return { ...listedSchema(schema), summary };
}

function signOf(before: ResourceState | undefined, after: ResourceState): Sign {
  if (after.kind === 'absent') return 'D';
  if (before === undefined || before.kind === 'absent') return 'A';
  return before.kind === after.kind ? 'M' : 'T';
}
