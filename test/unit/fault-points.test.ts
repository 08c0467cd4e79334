/**
 * Every durable operation of the sources stands between its two fault points; every point is somewhere in the sources.
 */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import {
  DURABLE_OPERATIONS,
  FAULT_POINTS,
  faultPoint,
  setFaultHook,
  type DurableOperation,
} from '../../src/store/fault-point.ts';

const root = path.join(import.meta.dirname, '../..');
const sources = globSync('src/{activities,effects,protocol,steps,store}/**/*.ts', { cwd: root })
  .sort()
  .map((file) => ({ file, text: readFileSync(path.join(root, file), 'utf8') }));

/** Durable calls, and the names of their two points. */
const CALLS: Readonly<Record<string, readonly DurableOperation[]>> = {
  fsyncSync: ['fsync', 'fsync-folder'],
  fsync: ['fsync'],
  fdatasyncSync: ['fsync'],
  renameSync: ['rename'],
  linkSync: ['link'],
  symlinkSync: ['symlink'],
  unlinkSync: ['unlink'],
  mkdirSync: ['mkdir'],
  rmdirSync: ['rmdir'],
  chmodSync: ['chmod'],
  fchmodSync: ['chmod'],
  rmSync: [],
  writeFileSync: [],
  appendFileSync: [],
  copyFileSync: [],
  cpSync: [],
  truncateSync: [],
  ftruncateSync: [],
};

/** Calls without points, and why a kill beside them changes nothing. */
const WITHOUT: Readonly<Record<string, readonly string[]>> = {
  // Of a temporary file, before its fsync.
  'src/store/blobs/write.ts': ['fchmodSync'],
  'src/store/blobs/copy.ts': ['fchmodSync'],
  'src/store/holes.ts': ['ftruncateSync'],
  // A clone into a temporary file, before its fsync.
  'src/store/blobs/clone.ts': ['copyFileSync'],
  // A note for people on who holds the lock; the lock itself is the kernel's.
  'src/store/lock/holder-file.ts': ['mkdirSync', 'writeFileSync'],
  // The lock of a life that is over.
  'src/store/life/life.ts': ['rmSync'],
  // A copy outside of any workspace, removed by whoever comes next.
  'src/store/life/temporary-folder.ts': ['rmSync'],
  // The register that a successor reads first; heartbeats say the same later.
  'src/store/register/folder.ts': ['mkdirSync', 'rmSync'],
  // A command's private copy and its owner's note: after a kill they are only removed, which is safe to repeat.
  'src/effects/files/tree-copy.ts': ['mkdirSync', 'symlinkSync', 'copyFileSync', 'chmodSync', 'rmSync'],
  'src/effects/files/remove-tree.ts': ['chmodSync', 'unlinkSync', 'rmdirSync'],
  'src/effects/processes/command-folder.ts': ['mkdirSync', 'writeFileSync', 'rmSync'],
  'src/protocol/attempt/commands/place-staged.ts': ['mkdirSync', 'symlinkSync', 'writeFileSync', 'chmodSync', 'rmSync'],
  // Copies to look at, in a temporary folder.
  'src/protocol/inspect/ledger-copy.ts': ['rmSync', 'copyFileSync'],
};

interface Call {
  readonly file: string;
  readonly line: number;
  readonly name: string;
  /** The call's own line and the line above it. */
  readonly around: string;
}

function callsOf(pattern: RegExp): Call[] {
  return sources.flatMap(({ file, text }) => {
    const lines = text.split('\n');
    return lines.flatMap((line, index) => {
      if (/^\s*(\*|\/\/|import )/.test(line)) return [];
      return [...line.matchAll(pattern)].map((match) => ({
        file,
        line: index + 1,
        name: match[1]!,
        around: `${lines[index - 1] ?? ''}\n${line.slice(0, match.index)}`,
      }));
    });
  });
}

function unguarded(calls: readonly Call[], operationsOf: (call: Call) => readonly DurableOperation[]): string[] {
  return calls
    .filter((call) => !(WITHOUT[call.file] ?? []).includes(call.name))
    .filter(
      (call) =>
        !operationsOf(call).some((operation) =>
          new RegExp(`atPoints(Async)?\\('${operation}', (async )?\\(\\) => [^;]*$`).test(call.around),
        ),
    )
    .map(({ file, line, name }) => `${file}:${line} ${name}`);
}

test('each change of a file or folder stands between its two fault points', () => {
  const calls = callsOf(new RegExp(`(?<![.\\w])(${Object.keys(CALLS).join('|')})\\(`, 'g'));
  assert.ok(calls.length > 15, `found only ${calls.length} calls: the pattern no longer fits`);
  assert.deepEqual(
    unguarded(calls, ({ name }) => CALLS[name]!),
    [],
  );
});

test('each COMMIT of the ledger and of a database stands between its two fault points', () => {
  const calls = callsOf(/\b(run|fixed|exec)\('COMMIT'/g);
  assert.equal(calls.length, 6);
  assert.deepEqual(
    unguarded(calls, ({ file }) => [file === 'src/store/ledger/file.ts' ? 'ledger-commit' : 'database-commit']),
    [],
  );
});

test('nothing durable is done by other means than those with points', () => {
  const modules = new Map(
    sources.map(({ file, text }) => [
      file,
      [...text.matchAll(/from '(node:(?:fs\/promises|sqlite|child_process))'/g)].map((match) => match[1]!),
    ]),
  );
  assert.deepEqual(Object.fromEntries([...modules].filter(([, names]) => names.length > 0)), {
    // Constants of the authorizer and of changesets.
    'src/effects/database/sqlite/authorizer.ts': ['node:sqlite'],
    'src/effects/database/sqlite/connection.ts': ['node:sqlite'],
    // This file uses the module only to read.
    'src/store/blobs/write.ts': ['node:fs/promises'],
    // Commands, which work on a copy.
    'src/effects/processes/output.ts': ['node:child_process'],
    'src/effects/processes/run.ts': ['node:child_process'],
    // A development server.
    'src/effects/processes/supervised.ts': ['node:child_process'],
    // Commands again: how they are ended.
    'src/effects/processes/until-exit.ts': ['node:child_process'],
    'src/effects/processes/watcher.ts': ['node:child_process'],
    // These two files only query the system.
    'src/store/filesystem.ts': ['node:child_process'],
    'src/store/life/process-identity.ts': ['node:child_process'],
    'src/store/sqlite-store.ts': ['node:sqlite'],
  });
});

test('each allowance is still needed', () => {
  for (const [file, names] of Object.entries(WITHOUT)) {
    const text = sources.find((source) => source.file === file)?.text ?? '';
    for (const name of names) assert.ok(text.includes(`${name}(`), `${file} has no ${name} any more`);
  }
});

test('each listed point is in the sources, and no other', () => {
  const text = sources.map((source) => source.text).join('\n');
  const named = new Set([...text.matchAll(/faultPoint(?:Async)?\('([^']+)'\)/g)].map((match) => match[1]!));
  const operations = new Set([...text.matchAll(/atPoints(?:Async)?\('([^']+)'/g)].map((match) => match[1]!));
  for (const operation of operations) for (const side of ['before', 'after']) named.add(`${operation}.${side}`);
  assert.deepEqual([...named].sort(), [...FAULT_POINTS].sort());
  assert.deepEqual([...operations].sort(), [...DURABLE_OPERATIONS].sort());
});

test('a point calls the hook that a test has set, and nothing without one', () => {
  const seen: string[] = [];
  setFaultHook((point) => void seen.push(point));
  faultPoint('lock.taken');
  setFaultHook(undefined);
  faultPoint('lock.taken');
  assert.deepEqual(seen, ['lock.taken']);
});
