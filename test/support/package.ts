/** The npm package of this checkout, as its users get it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { promises as fs } from 'node:fs';
import path from 'node:path';
import { until } from './until.ts';

const root = path.join(import.meta.dirname, '../..');

export interface Packed {
  readonly tarball: string;
  /** Paths within the package. */
  readonly files: readonly string[];
}

/** Of a run of tests: whoever comes first packs for all, since two that build at once would share one `dist`. */
const SHARED = process.env['HOLDFAST_TEST_BUNDLES'];
const PACKED_WITHIN_MS = 240_000;

/** Packs the checkout, or takes what another file of the same run has packed. */
export async function packInto(folder: string): Promise<Packed> {
  if (SHARED === undefined) return await packHere(folder);
  const place = path.join(SHARED, 'packed');
  const listing = path.join(place, 'packed.json');
  if (await isFirstAt(place)) {
    await fs.writeFile(`${listing}.new`, JSON.stringify(await packHere(place)));
    await fs.rename(`${listing}.new`, listing);
  }
  const packed = await until(
    async () => JSON.parse(await fs.readFile(listing, 'utf8').catch(() => 'null')) as Packed | null,
    (packed) => packed !== null,
    { what: 'the package', limitMs: PACKED_WITHIN_MS },
  );
  const { tarball, files } = packed!;
  const own = path.join(folder, path.basename(tarball));
  await fs.copyFile(tarball, own);
  return { tarball: own, files };
}

async function isFirstAt(place: string): Promise<boolean> {
  try {
    await fs.mkdir(place);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function packHere(folder: string): Promise<Packed> {
  const { code, output, printed } = await runProgram('npm', ['pack', '--json', '--pack-destination', folder], root);
  assert.equal(code, 0, output);
  // The build that runs before packing prints too; the listing is the last array.
  const [pack] = JSON.parse(printed.slice(printed.lastIndexOf('\n[') + 1)) as [
    { filename: string; files: { path: string }[] },
  ];
  return { tarball: path.join(folder, pack.filename), files: pack.files.map((file) => file.path) };
}

/**
 * The package in a project, beside what its manifest names and nothing else, each as the checkout has it. It takes no
 * registry and no time; what package managers make of it is tried in test/install.
 */
export async function unpackInto(folder: string, tarball: string, besides: readonly string[]): Promise<void> {
  const place = path.join(folder, 'node_modules/holdfast');
  await fs.mkdir(place, { recursive: true });
  const { code, output } = await runProgram('tar', ['-xzf', tarball, '--strip-components=1', '-C', place], folder);
  assert.equal(code, 0, output);
  const {
    dependencies,
    peerDependencies,
    peerDependenciesMeta: meta,
  } = JSON.parse(await fs.readFile(path.join(place, 'package.json'), 'utf8')) as PackedManifest;
  const peers = Object.keys(peerDependencies).filter((name) => meta[name]?.optional !== true);
  for (const name of [...Object.keys(dependencies), ...peers, ...besides]) {
    const link = path.join(folder, 'node_modules', name);
    await fs.mkdir(path.dirname(link), { recursive: true });
    await fs.symlink(path.join(root, 'node_modules', name), link);
  }
}
interface PackedManifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional?: boolean } | undefined>>;
}

export async function installedVersion(name: string): Promise<string> {
  const manifest = await fs.readFile(path.join(root, 'node_modules', name, 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

export interface Ended {
  readonly code: number | null;
  /** To standard output. */
  readonly printed: string;
  /** To standard output, then to standard error. */
  readonly output: string;
}

/**
 * Runs a program in a folder, on this Node, without the variables that the test run sets but with the machine's npm
 * settings.
 */
export async function runProgram(
  command: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): Promise<Ended> {
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) =>
        !/^(npm_(?!config_)|npm_config_local_prefix$|NODE_(OPTIONS|TEST_CONTEXT)$|HOLDFAST_|TEMPORAL_)/.test(name),
    ),
  );
  const child = spawn(command, args, {
    cwd,
    env: {
      ...inherited,
      PATH: `${path.dirname(process.execPath)}${path.delimiter}${process.env['PATH'] ?? ''}`,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [printed, errors] = ['', ''];
  child.stdout.on('data', (chunk) => (printed += String(chunk)));
  child.stderr.on('data', (chunk) => (errors += String(chunk)));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, printed, output: printed + errors };
}

/** The same of a program that must end well. Returns what it printed. */
export async function runWell(
  command: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): Promise<string> {
  const { code, output, printed } = await runProgram(command, args, cwd, env);
  assert.equal(code, 0, `${command} ${args.join(' ')}\n${output}`);
  return printed;
}
