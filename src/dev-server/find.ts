/**
 * Finds a Temporal server for development and tests, or gets the program for one: fetched or built where there is none.
 *
 * Invariants
 * 1. The order is fixed and what was taken is always said: an address given, a program given, PATH, the cache, the
 *    SDK's own download, `go install`.
 * 2. What was given must work; it is never replaced by something else without a word.
 */
import { HoldfastError } from '../model/failure.ts';
import { cachedProgram, intoCache } from './cache.ts';
import {
  describeTemporal,
  type FindTemporalOptions,
  type TemporalAddress,
  type TemporalExecutable,
  type TemporalFound,
} from './found.ts';
import { buildWithGo } from './go-install.ts';
import { onPath } from './on-path.ts';
import { answersVersion } from './run-program.ts';
import { downloadBySdk } from './sdk-download.ts';

const REMEDY =
  'Install the Temporal CLI (https://docs.temporal.io/cli) so that `temporal` is on PATH, ' +
  'or set TEMPORAL_ADDRESS to a running server, ' +
  'or HOLDFAST_TEMPORAL_BIN to the program, or install Go 1.24 or newer; then run the same command again.';

/**
 * Where a Temporal server can be had, fetching or building the program when there is none (minutes, once). Safe to
 * repeat.
 * @throws HoldfastError `server-unreachable` that names everything tried and the remedy.
 */
export async function findTemporal(options: FindTemporalOptions = {}): Promise<TemporalFound> {
  const env = options.env ?? process.env;
  const found = givenAddress(options, env) ?? (await findExecutable(options, env));
  options.onProgress?.(describeTemporal(found));
  return found;
}

function givenAddress(options: FindTemporalOptions, env: NodeJS.ProcessEnv): TemporalAddress | undefined {
  if (options.address === false) return undefined;
  if (options.address !== undefined) return { kind: 'address', address: options.address, from: 'option' };
  // A program given as an option is nearer than an address from the environment.
  if (options.executable !== undefined) return undefined;
  const address = env['TEMPORAL_ADDRESS'];
  return address === undefined || address === '' ? undefined : { kind: 'address', address, from: 'TEMPORAL_ADDRESS' };
}

async function findExecutable(options: FindTemporalOptions, env: NodeJS.ProcessEnv): Promise<TemporalExecutable> {
  if (options.executable !== undefined) return givenProgram(options.executable, 'option');
  const variable = env['HOLDFAST_TEMPORAL_BIN'];
  if (variable !== undefined && variable !== '') return givenProgram(variable, 'HOLDFAST_TEMPORAL_BIN');
  const installed = onPath('temporal', env);
  if (installed !== undefined && (await answersVersion(installed)))
    return { kind: 'executable', path: installed, from: 'PATH' };
  const cached = cachedProgram(env);
  if (await answersVersion(cached)) return { kind: 'executable', path: cached, from: 'cache' };
  return obtain(cached, env, options.onProgress ?? (() => undefined));
}

async function givenProgram(executable: string, from: 'option' | 'HOLDFAST_TEMPORAL_BIN'): Promise<TemporalExecutable> {
  if (await answersVersion(executable)) return { kind: 'executable', path: executable, from };
  const where = from === 'option' ? 'given' : `that ${from} names`;
  throw new HoldfastError(
    'server-unreachable',
    `The Temporal program ${where}, ${executable}, can't be run. Correct the path, or leave it out to have one found.`,
  );
}

async function obtain(
  cached: string,
  env: NodeJS.ProcessEnv,
  onProgress: (line: string) => void,
): Promise<TemporalExecutable> {
  const tried = [
    'none given by TEMPORAL_ADDRESS or HOLDFAST_TEMPORAL_BIN',
    'no `temporal` on PATH',
    'none in the cache',
  ];
  const sources = [
    ['SDK download', downloadBySdk],
    ['go install', buildWithGo],
  ] as const;
  for (const [from, source] of sources) {
    const problem = await intoCache(cached, (draft) => source(draft, env, onProgress));
    if (problem === undefined) return { kind: 'executable', path: cached, from };
    tried.push(`${from}: ${problem}`);
    onProgress(`Temporal server: ${from} failed (${problem})`);
  }
  const list = tried.map((line) => `  - ${line}`).join('\n');
  throw new HoldfastError('server-unreachable', `No Temporal server could be had:\n${list}\n${REMEDY}`, { tried });
}
