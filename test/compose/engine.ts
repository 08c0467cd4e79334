/**
 * The Docker engine of the test: the one that is there, or one of its own.
 *
 * Invariants
 * 1. Nothing is installed unless `--install` asks for it.
 * 2. An engine of its own lives in a temporary folder, changes no rule of the machine's firewall, and leaves neither
 *    process nor mount nor cgroup nor file. It is ended by its process id.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, promises as fs, readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../support/until.ts';
import { ended, onPath, say, succeeded } from './programs.ts';

export interface Engine {
  /** For every program that talks to it. */
  readonly env: NodeJS.ProcessEnv;
  readonly description: string;
  readonly isOwn: boolean;
  /** Ends what was started. @returns what could not be removed */
  stop(): Promise<string[]>;
}

/** What a machine lacks, with the command that mends it. */
export class Lacking extends Error {}

const PACKAGES = ['docker.io', 'containerd', 'iptables', 'debootstrap'];
const INSTALL = `apt-get install --no-install-recommends ${PACKAGES.join(' ')}`;
const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 60_000;
const INSTALL_LIMIT_MS = 10 * 60_000;

/** @throws Lacking where none is there and none can be started */
export async function findOrStartEngine({ mayInstall }: { readonly mayInstall: boolean }): Promise<Engine> {
  const isInstalled = onPath('dockerd') !== undefined && onPath('debootstrap') !== undefined;
  let found = await runningEngine(process.env);
  if (found === undefined && mayInstall && !isInstalled) {
    await install();
    // A system with systemd starts what it installs.
    found = await runningEngine(process.env);
  }
  if (found !== undefined)
    return { env: process.env, description: found, isOwn: false, stop: async () => Promise.resolve([]) };
  if (onPath('docker') === undefined || onPath('dockerd') === undefined)
    throw new Lacking(
      `No Docker engine answers (DOCKER_HOST: ${process.env['DOCKER_HOST'] ?? 'not set'}), and none is installed. ` +
        `Start one (then \`docker version\` shows a server), or on Debian, as root:\n    ${INSTALL}\n` +
        'and run this again: it starts an engine of its own and ends it. ' +
        '`npm run test:compose -- --install` does that installation too.',
    );
  if (process.getuid?.() !== 0)
    throw new Lacking(
      'No Docker engine answers, and only root can start one. Start it (systemctl start docker), or run this as root.',
    );
  return startEngine();
}

/** @returns what it is; undefined: none answers */
async function runningEngine(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  if (onPath('docker') === undefined) return undefined;
  const { code, stdout } = await ended(
    ['docker', 'version', '--format', '{{.Server.Version}} ({{.Server.Os}}/{{.Server.Arch}})'],
    {
      env,
      limitMs: 20_000,
    },
  );
  return code === 0 && stdout.trim() !== '' ? stdout.trim() : undefined;
}

async function install(): Promise<void> {
  say(`  ${INSTALL}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await succeeded(['apt-get', 'update'], { env, limitMs: INSTALL_LIMIT_MS, doing: 'apt-get update' });
  await succeeded(['apt-get', 'install', '--yes', '--no-install-recommends', ...PACKAGES], {
    env,
    limitMs: INSTALL_LIMIT_MS,
    doing: 'apt-get install',
  });
}

async function startEngine(): Promise<Engine> {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'holdfast-docker-'));
  const cgroup = path.basename(folder);
  const socket = path.join(folder, 'docker.sock');
  const log = path.join(folder, 'log');
  // Containers of one network reach each other without a rule, and published ports are served by docker-proxy.
  const args = [
    ['--data-root', path.join(folder, 'data'), '--exec-root', path.join(folder, 'exec')],
    ['--host', `unix://${socket}`, '--pidfile', path.join(folder, 'pid'), '--cgroup-parent', `/${cgroup}`],
    ['--bridge=none', '--iptables=false', '--ip6tables=false', '--ip-forward=false'],
  ].flat();
  const output = openSync(log, 'a');
  // In a group of its own: Ctrl-C at the terminal is to end the test, which then takes everything down.
  const daemon = spawn('dockerd', args, { detached: true, stdio: ['ignore', output, output] });
  closeSync(output);
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    DOCKER_HOST: `unix://${socket}`,
    DOCKER_CONFIG: path.join(folder, 'config'),
  };
  delete env['DOCKER_CONTEXT'];
  // Debian's engine comes without buildx.
  env['DOCKER_BUILDKIT'] = '0';
  const stop = async (): Promise<string[]> => {
    await endDaemon(daemon);
    return removeTraces(folder, cgroup);
  };
  try {
    const version = await until(
      async () => (daemon.exitCode === null ? runningEngine(env) : 'ended'),
      (answer) => answer !== undefined,
      { what: 'the engine', limitMs: START_LIMIT_MS, everyMs: 300 },
    );
    if (version === 'ended') throw new Error('it ended at once');
    return { env, description: `${version}, started for this test`, isOwn: true, stop };
  } catch (cause) {
    const said = existsSync(log) ? readFileSync(log, 'utf8').trim().slice(-1_500) : '';
    await stop();
    throw new Lacking(`dockerd could not be started (it needs a privileged machine, and iptables):\n${said}`, {
      cause,
    });
  }
}

async function endDaemon(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null || daemon.signalCode !== null || daemon.pid === undefined) return;
  const exit = new Promise((resolve) => daemon.once('exit', resolve));
  daemon.kill('SIGTERM');
  const timer = setTimeout(() => daemon.kill('SIGKILL'), STOP_LIMIT_MS);
  await exit;
  clearTimeout(timer);
}

/** @returns what is still there */
async function removeTraces(folder: string, cgroup: string): Promise<string[]> {
  // Its containerd ends a moment after it.
  for (let waits = 0; waits < 50 && processesNaming(folder).length > 0; waits += 1) await delay(100);
  for (const mount of mountsBelow(folder).toReversed()) await ended(['umount', '--lazy', mount]);
  for (const place of await cgroupsOf(cgroup)) await fs.rmdir(place).catch(() => undefined);
  await fs.rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }).catch(() => undefined);
  return [
    ...processesNaming(folder).map((pid) => `process ${pid} of the engine`),
    ...mountsBelow(folder).map((mount) => `mount ${mount}`),
    ...(await cgroupsOf(cgroup)).map((place) => `cgroup ${place}`),
    ...(existsSync(folder) ? [`folder ${folder}`] : []),
  ];
}

function mountsBelow(folder: string): string[] {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  return mounts.map((line) => line.split(' ')[1] ?? '').filter((place) => place.startsWith(`${folder}/`));
}

function processesNaming(folder: string): string[] {
  const naming = (pid: string): boolean => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder);
    } catch {
      return false; // It ended meanwhile.
    }
  };
  return readdirOf('/proc').filter((name) => /^\d+$/.test(name) && naming(name));
}

/** Deepest first. */
async function cgroupsOf(name: string): Promise<string[]> {
  const found: string[] = [];
  const roots = ['/sys/fs/cgroup', ...readdirOf('/sys/fs/cgroup').map((entry) => `/sys/fs/cgroup/${entry}`)];
  const walk = async (place: string): Promise<void> => {
    const entries = await fs.readdir(place, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) if (entry.isDirectory()) await walk(path.join(place, entry.name));
    found.push(place);
  };
  for (const root of roots) if (existsSync(path.join(root, name))) await walk(path.join(root, name));
  return found;
}

function readdirOf(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}
