/**
 * `npm run test:peers [VERSION…]`: both ends of the range of Temporal's SDK that the package takes as its peer. At each
 * end, in a copy of the checkout: types, unit and replay tests, and some with a server. Then installations of the
 * package beside SDKs of other versions.
 *
 * Invariants
 * 1. The checkout and its node_modules stay as they are; the copy is removed however the run ends.
 * 2. An end that the lockfile has is left to `npm test`, and said to be.
 * 3. The very last line is `N passed, N failed`, and `, N skipped` where some were.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { promises as fs } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { say } from './programs.ts';

/** What Temporal's SDK could break most: the plugin, a guarded step, plans, options that are handed on. */
const WITH_SERVER = ['plugin', 'guarded-step', 'agent-job', 'passed-on'].map(
  (name) => `test/integration/${name}.test.ts`,
);
/** Neither sources nor what they are tested with. */
const LEFT_OUT = new Set(['node_modules', 'dist', '.git', 'work']);

interface Manifest {
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional?: boolean } | undefined>>;
}

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** `versions`: in place of the two ends. */
export async function testPeers(versions: readonly string[]): Promise<number> {
  const ends = versions.length > 0 ? versions : await endsOfRange();
  const parts: Counts[] = [];
  for (const version of ends) parts.push(...(await testVersion(version)));
  if (versions.length === 0) parts.push(await counted(['test', 'install'], process.cwd()));
  const total = (name: keyof Counts): number => parts.reduce((sum, part) => sum + part[name], 0);
  const skipped = total('skipped') === 0 ? '' : `, ${total('skipped')} skipped`;
  process.stdout.write(`${total('passed')} passed, ${total('failed')} failed${skipped}\n`);
  return total('failed') === 0 ? 0 : 1;
}

async function endsOfRange(): Promise<readonly string[]> {
  const range = rangeOf(await manifestIn(process.cwd()));
  const lowest = range.replace('^', '');
  const listed = JSON.parse(
    (await run('npm', ['view', `@temporalio/worker@${range}`, 'version', '--json'], { isQuiet: true })).output,
  ) as string | readonly string[];
  const newest = typeof listed === 'string' ? listed : listed.at(-1)!;
  const lock = JSON.parse(await fs.readFile('package-lock.json', 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly version: string } | undefined>>;
  };
  const locked = lock.packages['node_modules/@temporalio/worker']?.version;
  if (newest !== locked) return [lowest, newest];
  say(`Temporal's SDK ${newest} is the newest of ${range}, and the lockfile's: \`npm test\` is its trial.`);
  return [lowest];
}

async function testVersion(version: string): Promise<readonly Counts[]> {
  const copy = await fs.mkdtemp(path.join(os.tmpdir(), `holdfast-sdk-${version}-`));
  try {
    const isWanted = (source: string): boolean => !LEFT_OUT.has(path.basename(source));
    await fs.cp(process.cwd(), copy, { recursive: true, filter: isWanted });
    await pin(copy, version);
    say(`Temporal's SDK ${version}: npm install in ${copy} …`);
    const installed = await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline'], {
      cwd: copy,
      isQuiet: true,
    });
    if (installed.code !== 0) {
      say(`${installed.output}\nnpm install failed.`);
      return [{ passed: 0, failed: 1, skipped: 0 }];
    }
    const typesCode = (await run(process.execPath, ['scripts/launch.mjs', 'typecheck'], { cwd: copy })).code;
    say(`${typesCode === 0 ? '✔' : '✖'} types, with Temporal's SDK ${version}`);
    const types = { passed: typesCode === 0 ? 1 : 0, failed: typesCode === 0 ? 0 : 1, skipped: 0 };
    return [types, await counted(['test', 'unit', 'replay', ...WITH_SERVER], copy)];
  } finally {
    await fs.rm(copy, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

/** The zod that contracts are written with has a range, too: its lower end goes with the SDK's. */
async function pin(copy: string, version: string): Promise<void> {
  const manifest = await manifestIn(copy);
  const { dependencies, devDependencies, peerDependencies, peerDependenciesMeta } = manifest;
  const isLowest = `^${version}` === rangeOf(manifest);
  // Optional peers have versions of their own.
  const isOfSdk = (name: string): boolean => name in peerDependencies && peerDependenciesMeta[name] === undefined;
  for (const name of Object.keys(devDependencies))
    if (isOfSdk(name) || FOLLOWING.has(name)) devDependencies[name] = version;
  if (isLowest) dependencies['zod'] = dependencies['zod']!.replace('^', '');
  await fs.writeFile(path.join(copy, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
}

/** Packages of the SDK that only tests use, and that need one of the same version. */
const FOLLOWING = new Set(['@temporalio/testing', '@temporalio/interceptors-opentelemetry']);

async function manifestIn(folder: string): Promise<Manifest> {
  return JSON.parse(await fs.readFile(path.join(folder, 'package.json'), 'utf8')) as Manifest;
}

function rangeOf({ peerDependencies }: Manifest): string {
  return peerDependencies['@temporalio/worker']!;
}

/** A task of the launcher that ends with a line of counts. One that ends otherwise has failed. */
async function counted(task: readonly string[], cwd: string): Promise<Counts> {
  const { code, output } = await run(process.execPath, ['scripts/launch.mjs', ...task], { cwd });
  const last = output.trimEnd().split('\n').at(-1) ?? '';
  const match = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/.exec(last);
  if (match === null) return { passed: 0, failed: 1, skipped: 0 };
  const [passed = 0, failed = 0, skipped = 0] = match.slice(1).map((digits) => Number(digits ?? 0));
  return { passed, failed: code !== 0 && failed === 0 ? 1 : failed, skipped };
}

interface Ended {
  readonly code: number;
  readonly output: string;
}

async function run(
  command: string,
  args: readonly string[],
  { cwd = process.cwd(), isQuiet = false }: { readonly cwd?: string; readonly isQuiet?: boolean } = {},
): Promise<Ended> {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', isQuiet ? 'pipe' : 'inherit'] });
  let [output, errors] = ['', ''];
  child.stdout?.on('data', (chunk) => {
    output += String(chunk);
    if (!isQuiet) process.stdout.write(chunk as Buffer);
  });
  child.stderr?.on('data', (chunk) => (errors += String(chunk)));
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { code: code ?? (signal === null ? 1 : 128), output: code === 0 ? output : output + errors };
}
