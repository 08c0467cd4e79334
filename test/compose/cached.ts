/**
 * What the stand-ins are made of, in Holdfast's cache: programs built with Go, packages of npm, Debian's smallest
 * system, Compose itself. Each is made beside its place and renamed: it is there whole or not at all.
 */
import { existsSync, promises as fs } from 'node:fs';
import path from 'node:path';
import { cacheDirectory } from '../../src/dev-server/cache-directory.ts';
import { Lacking } from './engine.ts';
import { ended, onPath, succeeded } from './programs.ts';

const BUILD_LIMIT_MS = 30 * 60_000;
const FETCH_LIMIT_MS = 10 * 60_000;

export function cachedPlace(name: string): string {
  return path.join(cacheDirectory(), 'compose', name);
}

/** The folder `name` of the cache, made by `make` where it isn't there. */
export async function cachedFolder(name: string, make: (draft: string) => Promise<void>): Promise<string> {
  const place = cachedPlace(name);
  if (existsSync(place)) return place;
  const draft = `${place}.${process.pid}.tmp`;
  try {
    await fs.mkdir(draft, { recursive: true });
    await make(draft);
    // Another run may have been faster: what it put there is the same.
    if (!existsSync(place)) await fs.rename(draft, place);
  } finally {
    await fs.rm(draft, { recursive: true, force: true });
  }
  return place;
}

export interface GoProgram {
  readonly module: string;
  readonly version: string;
  /** Below the module. */
  readonly folder: string;
}

/** @returns the program's file, named as its folder is */
export async function goProgram({ module, version, folder }: GoProgram): Promise<string> {
  const name = path.basename(folder);
  const place = await cachedFolder(
    `${path.basename(module)}-${folder.replaceAll('/', '-')}-${version}`,
    async (draft) => {
      const go = needed('go', 'Go (https://go.dev/dl) builds what cannot be pulled.');
      await succeeded(polite([go, 'install', '-ldflags', '-s -w', `${module}/${folder}@v${version}`]), {
        env: goEnvironment({ GOBIN: draft }),
        limitMs: BUILD_LIMIT_MS,
        doing: `building ${module}/${folder}@v${version}`,
      });
    },
  );
  return path.join(place, name);
}

/** @returns the folder of the module's own files */
export async function goModule(module: string, version: string): Promise<string> {
  const go = needed('go', 'Go (https://go.dev/dl) fetches what cannot be pulled.');
  const printed = await succeeded([go, 'mod', 'download', '-json', `${module}@v${version}`], {
    env: goEnvironment({}),
    cwd: '/',
    limitMs: FETCH_LIMIT_MS,
    doing: `fetching ${module}@v${version}`,
  });
  return (JSON.parse(printed) as { Dir: string }).Dir;
}

export const COMPOSE_VERSION = '2.40.3';

/** Compose as a program of its own, for a Docker that comes without it. */
export async function builtCompose(): Promise<string> {
  const place = await cachedFolder(`docker-compose-${COMPOSE_VERSION}`, async (draft) => {
    const go = needed(
      'go',
      'Install the package docker-compose-plugin, or Go (https://go.dev/dl) to build Compose with.',
    );
    const options = { env: goEnvironment({}), cwd: draft, limitMs: BUILD_LIMIT_MS };
    const main = 'github.com/docker/compose/v2/cmd';
    await fs.writeFile(path.join(draft, 'go.mod'), 'module compose.test\n\ngo 1.24\n');
    await fs.writeFile(path.join(draft, 'tools.go'), `package tools\n\nimport _ "${main}"\n`);
    await succeeded([go, 'get', `github.com/docker/compose/v2@v${COMPOSE_VERSION}`], {
      ...options,
      doing: 'fetching Compose',
    });
    await succeeded([go, 'mod', 'tidy'], { ...options, doing: 'fetching Compose' });
    const flags = `-s -w -X github.com/docker/compose/v2/internal.Version=v${COMPOSE_VERSION}`;
    await succeeded(polite([go, 'build', '-ldflags', flags, '-o', 'docker-compose', main]), {
      ...options,
      doing: `building Compose ${COMPOSE_VERSION}`,
    });
  });
  return path.join(place, 'docker-compose');
}

/** @returns the folder of packages; nothing of theirs is run */
export async function npmPackages(packages: readonly string[]): Promise<string> {
  const name = `npm-${packages.map((one) => one.replaceAll(/[@/]/g, '-')).join('-')}`;
  const place = await cachedFolder(name, async (draft) => {
    await fs.writeFile(path.join(draft, 'package.json'), '{"private":true}\n');
    await succeeded(['npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', ...packages], {
      cwd: draft,
      limitMs: FETCH_LIMIT_MS,
      doing: `fetching ${packages.join(', ')}`,
    });
  });
  return path.join(place, 'node_modules');
}

/** Debian's smallest system as a tar archive, from the mirror that this machine uses. */
export async function debianArchive(suite: string): Promise<string> {
  const place = await cachedFolder(`debian-${suite}-slim`, async (draft) => {
    const debootstrap = needed('debootstrap', 'On Debian: apt-get install --no-install-recommends debootstrap.');
    if (process.getuid?.() !== 0) throw new Lacking('Only root can make a Debian system with debootstrap.');
    const system = path.join(draft, 'system');
    const line = polite([debootstrap, '--variant=minbase', suite, system, await debianMirror()]);
    await succeeded(line, { limitMs: FETCH_LIMIT_MS, doing: `debootstrap ${suite}` });
    const settings = (await ended(['apt-config', 'dump'])).stdout.split('\n');
    const kept = settings.filter((setting) => /^Acquire::(Check-|http|https)/.test(setting));
    await fs.writeFile(path.join(system, 'etc/apt/apt.conf.d/90image'), [...kept, ...SLIM_APT, ''].join('\n'));
    for (const place of SLIM_WITHOUT) await fs.rm(path.join(system, place), { recursive: true, force: true });
    await succeeded(['tar', '--directory', system, '--create', '--file', path.join(draft, 'system.tar'), '.']);
    await fs.rm(system, { recursive: true, force: true });
  });
  return path.join(place, 'system.tar');
}

/** What the public slim images leave out, too. */
const SLIM_WITHOUT = ['var/cache/apt', 'var/lib/apt/lists', 'usr/share/doc', 'usr/share/man', 'usr/share/locale'];
const SLIM_APT = [
  'Dir::Cache::pkgcache "";',
  'Dir::Cache::srcpkgcache "";',
  'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };',
];

/** The one that apt uses here for Debian, else the public one. */
async function debianMirror(): Promise<string> {
  const { stdout } = await ended(['apt-get', 'indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages']);
  const found = stdout.split('\n').find((uri) => /\/debian\/?$/.test(uri));
  return found ?? 'http://deb.debian.org/debian';
}

function needed(program: string, remedy: string): string {
  const found = onPath(program);
  if (found === undefined) throw new Lacking(`${program} is not installed, and an image cannot be pulled. ${remedy}`);
  return found;
}

/** Minutes of computing shall not slow down whatever else the machine does. */
function polite(line: readonly [string, ...string[]]): [string, ...string[]] {
  if (onPath('nice') === undefined) return [...line];
  return ['nice', '-n', '10', ...line];
}

function goEnvironment(more: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false', ...more };
}
