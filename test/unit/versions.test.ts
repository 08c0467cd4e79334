/** The versions that package.json, package-lock.json and the Dockerfile name: each says what the others say. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

const root = path.join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');

interface Needs {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional: true }>>;
  readonly engines: { readonly node: string };
}
interface Locked extends Partial<Needs> {
  readonly version: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly optional?: boolean;
}

const manifest = JSON.parse(read('package.json')) as Needs & { readonly version: string };
const { packages } = JSON.parse(read('package-lock.json')) as { readonly packages: Readonly<Record<string, Locked>> };
const lockedVersion = (name: string): string | undefined => packages[`node_modules/${name}`]?.version;

test('the lockfile is of this package.json, and names no registry', () => {
  const { version, dependencies, devDependencies, peerDependencies, engines } = packages['']!;
  const { version: ownVersion } = manifest;
  assert.deepEqual(
    { version, dependencies, devDependencies, peerDependencies, engines },
    {
      version: ownVersion,
      dependencies: manifest.dependencies,
      devDependencies: manifest.devDependencies,
      peerDependencies: manifest.peerDependencies,
      engines: manifest.engines,
    },
  );
  for (const [place, { resolved, integrity, optional = false }] of Object.entries(packages)) {
    assert.equal(resolved, undefined, place);
    // Binaries of other platforms may have none: see scripts/complete-lockfile.mjs.
    if (place !== '' && !optional) assert.match(integrity ?? '', /^sha512-/, place);
  }
});

test("Temporal's SDK is a peer in one range, and locked in one version, once, that lies within it", () => {
  const { dependencies, devDependencies, peerDependenciesMeta } = manifest;
  const needed = Object.entries(manifest.peerDependencies).filter(([name]) => !(name in peerDependenciesMeta));
  const peerDependencies = Object.fromEntries(needed);
  assert.deepEqual(
    Object.keys(dependencies).filter((name) => name.startsWith('@temporalio/')),
    [],
  );
  assert.deepEqual(new Set(Object.values(peerDependencies)).size, 1);
  const [low = ''] = Object.values(peerDependencies);
  assert.match(low, /^\^\d+\.\d+\.\d+$/);
  const versions = new Set(Object.keys(peerDependencies).map((name) => lockedVersion(name)));
  assert.equal(versions.size, 1, [...versions].join(', '));
  const [locked = ''] = versions;
  assert.equal(locked.split('.')[0], low.slice(1).split('.')[0]);
  for (const name of Object.keys(peerDependencies)) {
    // Exactly: as `npm run test:peers` pins it.
    assert.ok([`^${locked}`, locked].includes(devDependencies[name] ?? ''), name);
    const copies = Object.keys(packages).filter((place) => place.endsWith(`node_modules/${name}`));
    assert.deepEqual(copies, [`node_modules/${name}`]);
  }
});

test('the image installs what is locked, on one exact Node, and keeps the SDK that is locked', () => {
  const dockerfile = read('Dockerfile');
  const commands = [...dockerfile.matchAll(/^RUN (.+)$/gm)].map(([, command = '']) => command);
  const npm = commands.flatMap((command) => command.split(' && ')).filter((command) => command.startsWith('npm '));
  // Without development dependencies the SDK is a peer only, and npm keeps peers; `--omit=dev` would remove it.
  assert.deepEqual(npm, ['npm ci', 'npm run build', 'npm pkg delete devDependencies', 'npm prune']);
  assert.match(dockerfile, /^COPY package\.json package-lock\.json \.npmrc \.\/$/m);
  const images = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image = '']) => image);
  assert.equal(new Set(images).size, 1, images.join(', '));
  assert.match(images[0] ?? '', /^node:\d+\.\d+\.\d+-bookworm-slim$/);
});
