/**
 * The schema of a store, made and brought up to date.
 *
 * Invariants
 * 1. What is there is compared with what its version says, before it is used and after it was changed: nothing is taken
 *    for made because something of its name is there.
 * 2. Whoever changes it holds an advisory lock until the commit, so that two that begin at once don't meet half of it.
 * 3. Where it is as it must be, nothing is changed and no permission to change it is needed.
 */
import { HoldfastError } from '../../../model/failure.ts';
import { type Answer, type Run, runOne, type StoreConnections } from './connections.ts';
import { MIGRATIONS, quoted, SHAPE, SHAPES } from './schema-text.ts';

const LOCK_TIMEOUT = '15s';
const NEWEST = MIGRATIONS.length;

/** Whose schema: for messages. */
export interface SchemaPlace {
  readonly schema: string;
  readonly location: string;
  /** May it be made, or brought up to date? */
  readonly mayCreate: boolean;
}

/**
 * Makes sure that the schema is that of this version. Safe to repeat, and at the same time.
 * @throws HoldfastError `not-found` where nothing may be made; `unknown-format` for a newer version; `bad-input`
 *   naming what differs; `permission-denied`
 */
export async function prepareSchema(connections: StoreConnections, place: SchemaPlace): Promise<void> {
  const run = runOne(connections);
  const found = await run(shapeOf(place.schema));
  if (linesOf(found).length > 0 && (await versionOf(run, place, found)) === NEWEST) return;
  if (!place.mayCreate)
    throw new HoldfastError(
      'not-found',
      `The store ${place.location}: schema ${quoted(place.schema)} is not made yet, or not brought up to date. A ` +
        'worker does that when it first uses it.',
      { store: place.location, schema: place.schema },
    );
  await connections.transaction(async (inOne) => {
    await migrate(inOne, place);
    return 'commit';
  });
}

/** Under the lock: what others have done until then is seen. */
async function migrate(run: Run, place: SchemaPlace): Promise<void> {
  const { schema } = place;
  await run({ text: `SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'` });
  const key = `holdfast checkpoints in ${schema}`;
  await run({ text: 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', values: [key] });
  const found = await run(shapeOf(schema));
  let version = 0;
  if (linesOf(found).length > 0) version = await versionOf(run, place, found);
  else await makeSchema(run, schema);
  for (; version < NEWEST; version++) {
    for (const text of MIGRATIONS[version]!(quoted(schema))) await run({ text });
    await run({
      text: `INSERT INTO ${quoted(schema)}.migration (version) VALUES ($1::integer)`,
      values: [String(version + 1)],
    });
    mustHaveShape(await run(shapeOf(schema)), version + 1, place);
  }
}

/** An empty one of that name may be there: an administrator has made it for this role. */
async function makeSchema(run: Run, schema: string): Promise<void> {
  const { rows } = await run({ text: 'SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1', values: [schema] });
  if (rows.length === 0) await run({ text: `CREATE SCHEMA ${quoted(schema)}` });
}

/** The version that the schema says, once it was found to be that. */
async function versionOf(run: Run, place: SchemaPlace, found: Answer): Promise<number> {
  const { schema, location } = place;
  const lines = linesOf(found);
  const isOurs = ['migration: table', 'migration.version integer not null'].every((line) => lines.includes(line));
  if (!isOurs)
    throw wrongSchema(
      place,
      `schema ${quoted(schema)} has ${lines.filter((line) => /: \S*\s?(table|view)$/.test(line)).join(', ')}, and no ` +
        'table "migration" as Holdfast makes it',
      {},
    );
  const { rows } = await run({ text: `SELECT max(version)::text FROM ${quoted(schema)}.migration` });
  const version = Number(rows[0]?.[0] ?? 0);
  if (version > NEWEST)
    throw new HoldfastError(
      'unknown-format',
      `The store ${location}: schema ${quoted(schema)} has version ${version}, a newer one. ` +
        `Expected at most ${NEWEST}.`,
      { store: location, schema, what: 'its version', expected: `at most ${NEWEST}`, found: String(version) },
    );
  mustHaveShape(found, version, place);
  return version;
}

function mustHaveShape(found: Answer, version: number, place: SchemaPlace): void {
  const expected = SHAPES[version] ?? [];
  const lines = linesOf(found);
  const missing = expected.filter((line) => !lines.includes(line));
  const unexpected = lines.filter((line) => !expected.includes(line));
  if (missing.length === 0 && unexpected.length === 0) return;
  const told = [
    ...(missing.length === 0 ? [] : [`missing: ${missing.join(', ')}`]),
    ...(unexpected.length === 0 ? [] : [`unexpected: ${unexpected.join(', ')}`]),
  ].join('; ');
  throw wrongSchema(
    place,
    `schema ${quoted(place.schema)} is not as version ${version} of a store of checkpoints has it (${told})`,
    { version, missing, unexpected },
  );
}

function wrongSchema({ schema, location }: SchemaPlace, problem: string, details: object): HoldfastError {
  return new HoldfastError('bad-input', `The store ${location}: ${problem}. Nothing was changed.`, {
    store: location,
    schema,
    ...details,
    nextStep: 'Put the schema back as it was, or name another one: `?schema=NAME` in the URL of the store.',
  });
}

function shapeOf(schema: string): { readonly text: string; readonly values: readonly string[] } {
  return { text: SHAPE, values: [schema] };
}

function linesOf({ rows }: Answer): readonly string[] {
  return rows.flatMap(([line]) => line ?? []);
}
