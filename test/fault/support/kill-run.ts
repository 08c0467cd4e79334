/**
 * Runs the kill job in child processes until it ends by itself, and looks at what it left, from outside.
 *
 * Invariants
 * 1. Only a process that died by SIGKILL gets a successor; any other end is the test's failure.
 * 2. Between two processes every file is observed: a file with its final content never changes its inode again.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startChild, type ChildEnd } from '../../support/child-process.ts';
import { linesOf, type Killing } from '../../support/killing.ts';
import type { KillOrder } from './kill-child.ts';
import { prepareWorld, type KillJobPlaces } from './kill-job.ts';
import { lookAtDatabase, type Rows } from './outside-database.ts';

const CHILD = new URL('./kill-child.ts', import.meta.url).pathname;
const MAX_PROCESSES = 200;
const PROCESS_LIMIT_MS = 60_000;

let compiledFolder: string | undefined;

/**
 * Where the processes of a test file find what one of them has compiled. Made when first asked for: this module is
 * also loaded by processes that are killed.
 */
function compiled(): string {
  if (compiledFolder === undefined) {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-compiled-'));
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    compiledFolder = folder;
  }
  return compiledFolder;
}

export interface KillRun {
  readonly outputs: unknown;
  readonly files: Readonly<Record<string, string>>;
  readonly database: Readonly<Record<string, Rows>>;
  /** Points at which a process was killed, in order. */
  readonly killed: readonly string[];
  /** How often each `ctx.once` value was computed. */
  readonly onceCalls: Readonly<Record<string, number>>;
  /** How often the calls took effect on the other side, by a name for each key. */
  readonly effects: readonly number[];
  /** How often each point was hit, if counted. */
  readonly hits: ReadonlyMap<string, number>;
  readonly verifications: number;
}

/** `hits`: shall each hit of a point be counted? */
export type KillRunOptions = Pick<Killing, 'kill' | 'kills' | 'killOnceAt'> & { readonly hits?: boolean };

/** `databaseUrl` default: a SQLite file in the workspace. */
export async function runUntilItEnds(
  { hits = false, ...killing }: KillRunOptions,
  databaseUrl?: string,
): Promise<KillRun> {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-kill-'));
  try {
    const places: KillJobPlaces = {
      workspace: join(root, 'workspace'),
      outside: join(root, 'outside'),
      databaseUrl: databaseUrl ?? `sqlite:${join(root, 'workspace/db/main.db')}`,
    };
    mkdirSync(places.outside, { recursive: true });
    prepareWorld(places);
    const notes = {
      killed: join(places.outside, 'killed'),
      ...(hits ? { hits: join(places.outside, 'hits') } : {}),
    };
    const inodes = new Map<string, string>();
    for (let processes = 1; ; processes++) {
      assert.ok(processes <= MAX_PROCESSES, `the job did not end within ${MAX_PROCESSES} processes`);
      const end = await runProcess({ ...places, ...notes, ...killing });
      noteInodes(places.workspace, inodes);
      if (end.signal === 'SIGKILL') continue;
      assert.equal(
        end.code,
        0,
        `killed at ${linesOf(join(places.outside, 'killed')).join(', ')}; then it failed:\n${end.stderr}`,
      );
      return await lookAtRun(places);
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

async function runProcess(order: KillOrder): Promise<ChildEnd> {
  const { process: child, end } = startChild({ script: CHILD, order, compiled: compiled() });
  let isLate = false;
  const limit = setTimeout(() => {
    isLate = true;
    child.kill('SIGKILL');
  }, PROCESS_LIMIT_MS);
  const ended = await end;
  clearTimeout(limit);
  const killed = linesOf(join(order.outside, 'killed')).join(', ');
  assert.ok(
    !isLate,
    `a process did not end within ${PROCESS_LIMIT_MS} ms; killed before at ${killed}\n${ended.stderr}`,
  );
  return ended;
}

async function lookAtRun({ workspace, outside, databaseUrl }: KillJobPlaces): Promise<KillRun> {
  const onceCalls = Object.fromEntries(
    readdirSync(outside)
      .filter((name) => name.startsWith('once-'))
      .map((name) => [name.slice('once-'.length), readFileSync(join(outside, name)).length]),
  );
  const hits = new Map<string, number>();
  for (const point of linesOf(join(outside, 'hits'))) hits.set(point, (hits.get(point) ?? 0) + 1);
  return {
    outputs: JSON.parse(readFileSync(join(outside, 'outputs'), 'utf8')) as unknown,
    files: filesIn(workspace),
    database: await lookAtDatabase(databaseUrl),
    killed: linesOf(join(outside, 'killed')),
    onceCalls,
    effects: effectsIn(outside),
    hits,
    verifications: linesOf(join(outside, 'history')).filter((line) => line.startsWith('{"name":"verifyWorld"')).length,
  };
}

/** How often each call took effect, as the other side counts. */
export function effectsIn(outside: string): readonly number[] {
  return readdirSync(outside)
    .filter((name) => name.startsWith('effect-'))
    .map((name) => readFileSync(join(outside, name)).length);
}

/** Every file, folder and link with mode and content; of `.holdfast` only what must not be left there. */
export function filesIn(workspace: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const entry of readdirSync(workspace, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(workspace.length + 1);
    if (name === 'db' || name.startsWith('db/')) continue;
    if (name === '.holdfast' || (name.startsWith('.holdfast/') && !name.startsWith('.holdfast/captured/'))) continue;
    found[name] = describe(path);
  }
  return found;
}

function describe(path: string): string {
  const stat = lstatSync(path);
  const mode = (stat.mode & 0o7777).toString(8);
  if (stat.isSymbolicLink()) return `link to ${readlinkSync(path)}`;
  if (stat.isDirectory()) return `folder ${mode}`;
  const content = readFileSync(path);
  return (
    `file ${mode} ` +
    `${content.length > 1_000 ? createHash('sha256').update(content).digest('hex') : content.toString()}`
  );
}

/** A file that has its content already is not written again: it keeps its inode. */
function noteInodes(workspace: string, inodes: Map<string, string>): void {
  for (const [name, state] of Object.entries(filesIn(workspace))) {
    if (!state.startsWith('file') || name.includes('.holdfast')) continue;
    const { ino } = lstatSync(join(workspace, name));
    const before = inodes.get(`${name} ${state}`);
    // What a person's edit or an undo took away comes back as another file: `summary` and the restored input do.
    if (before !== undefined && !MAY_COME_BACK.has(name))
      assert.equal(`${ino}`, before, `${name} was replaced by the same content once more`);
    inodes.set(`${name} ${state}`, `${ino}`);
  }
}

const MAY_COME_BACK = new Set([
  'data/raw/in.txt',
  'out/deep/summary.txt',
  'out/deep/long.txt',
  'undone/a.txt',
  'undone/b.txt',
  'clash/b.txt',
]);

/** The run with its `once` values evened out, after a check that each has one value wherever it went. */
export function comparable(run: KillRun): unknown {
  const values = (text: string): string => text.replaceAll(/once:\d+/g, 'once:N');
  const text = JSON.stringify({ outputs: run.outputs, files: run.files, database: run.database, effects: run.effects });
  const outputs = run.outputs as Record<string, { text: string }>;
  const sample = outputs['gather']!.text;
  for (const place of [run.files['keep/old.txt'], run.files['data/raw/in.txt'], run.files['out/deep/summary.txt']])
    assert.ok(place!.includes(sample), `${sample} became another value: ${place}`);
  return JSON.parse(values(text)) as unknown;
}
