/**
 * What a step's code does past `ctx`, as far as this process can see it: file calls of Node, processes, statements of
 * `node:sqlite`. Each is written down with its place in the source, and stands between two points at which the process
 * can be killed.
 *
 * Invariants
 * 1. Only what the user's code calls is noted: Holdfast's own calls are not.
 * 2. What is called does what it did.
 */
import childProcess from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import sqlite from 'node:sqlite';
import { callerOf } from './place.ts';
import type { StepCode } from './step-code.ts';

type Call = (this: unknown, ...given: unknown[]) => unknown;

/** What it changes, and of what may be repeated without another outcome a digest. */
interface Change {
  readonly did: string;
  readonly target: string;
  readonly content?: string;
}

/** The path that is changed is the n-th argument. */
const FILE_CALLS: Readonly<Record<string, number>> = {
  writeFile: 0,
  appendFile: 0,
  copyFile: 1,
  cp: 1,
  rename: 1,
  unlink: 0,
  rm: 0,
  mkdir: 0,
  rmdir: 0,
  symlink: 1,
  link: 1,
  truncate: 0,
};
/** Repeated with the same arguments they leave what they left. */
const REPEATABLE = ['writeFile', 'copyFile', 'mkdir', 'rm', 'truncate'];

const PROCESS_CALLS = ['spawn', 'exec', 'execFile', 'fork', 'spawnSync', 'execSync', 'execFileSync'];
const REPEATABLE_SQL = /^\s*(create|drop)\b.*\bif (not )?exists\b/i;
const CHANGING_SQL = /^\s*(insert|update|delete|replace|create|drop|alter)\b/i;

export function watchOutside(code: StepCode): void {
  const watch = (holder: object, name: string, changeOf: (self: unknown, given: unknown[]) => Change | undefined) => {
    const original: unknown = Reflect.get(holder, name);
    if (typeof original === 'function') Reflect.set(holder, name, watched(code, original as Call, changeOf));
  };
  for (const [name, place] of Object.entries(FILE_CALLS)) {
    const changeOf = (_self: unknown, given: unknown[]): Change => fileChange(name, given, place);
    for (const [holder, called] of [
      [fs, name],
      [fs, `${name}Sync`],
      [fs.promises, name],
    ] as const)
      watch(holder, called, changeOf);
  }
  watch(fs, 'createWriteStream', (_self, [path]) => ({ did: 'createWriteStream', target: String(path) }));
  for (const [holder, name] of [
    [fs, 'open'],
    [fs, 'openSync'],
    [fs.promises, 'open'],
  ] as const)
    watch(holder, name, (_self, [path, flags]) =>
      typeof flags === 'string' && /[wa+]/.test(flags) ? { did: `open ${flags}`, target: String(path) } : undefined,
    );
  for (const name of PROCESS_CALLS)
    watch(childProcess, name, (_self, [command, args]) => ({
      did: name,
      target: [command, ...(Array.isArray(args) ? (args as unknown[]) : [])].map(String).join(' '),
    }));
  watch(sqlite.DatabaseSync.prototype, 'exec', (_self, [sql]) => sqlChange(String(sql)));
  for (const name of ['run', 'get', 'all'])
    watch(sqlite.StatementSync.prototype, name, (self) => sqlChange((self as sqlite.StatementSync).sourceSQL));
  syncBuiltinESMExports();
}

function fileChange(name: string, given: readonly unknown[], place: number): Change {
  const flag = (given[2] as { flag?: string } | undefined)?.flag ?? 'w';
  const isAppending = name === 'writeFile' && flag.startsWith('a');
  const target = String(given[place]);
  if (isAppending || !REPEATABLE.includes(name)) return { did: isAppending ? 'appendFile' : name, target };
  const content = createHash('sha256').update(name);
  const written = name === 'writeFile' ? given[1] : '';
  content.update(typeof written === 'string' || ArrayBuffer.isView(written) ? (written as string) : '');
  return { did: name, target, content: content.digest('hex') };
}

function sqlChange(sql: string): Change | undefined {
  if (!CHANGING_SQL.test(sql)) return undefined;
  const target = sql.trim().replaceAll(/\s+/g, ' ').slice(0, 120);
  return { did: 'sql', target, ...(REPEATABLE_SQL.test(sql) ? { content: target } : {}) };
}

/** Node's own calls call each other. */
let isWithin = false;

function watched(code: StepCode, original: Call, changeOf: (self: unknown, given: unknown[]) => Change | undefined) {
  const call = function (this: unknown, ...given: unknown[]): unknown {
    const running = isWithin ? undefined : code.running;
    const change = running === undefined ? undefined : changeOf(this, given);
    const caller = change === undefined ? undefined : callerOf(call, code.cwd);
    if (running === undefined || change === undefined || caller === undefined || caller.isOwn)
      return Reflect.apply(original, this, given);
    const { step, run } = running;
    code.points.passed('outside.before');
    code.points.trace({ kind: 'outside', step, run, ...change, at: caller.at });
    isWithin = true;
    let result: unknown;
    try {
      result = Reflect.apply(original, this, given);
    } finally {
      isWithin = false;
    }
    if (!(result instanceof Promise)) {
      code.points.passed('outside.after');
      return result;
    }
    return (async () => {
      const value: unknown = await result;
      code.points.passed('outside.after');
      return value;
    })();
  };
  // What else hangs on it (`exec` has a form for promisify) stays.
  return Object.assign(call, original);
}
