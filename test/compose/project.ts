/**
 * The Compose project of the test: its own name and free ports, so that it stands beside a project of the person's own.
 */
import { existsSync, promises as fs, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import * as z from 'zod';
import { freePort } from '../../src/dev-server/ports.ts';
import { until, untilTrue } from '../support/until.ts';
import { builtCompose, cachedPlace, COMPOSE_VERSION } from './cached.ts';
import { Lacking, type Engine } from './engine.ts';
import { ended, seconds, say, succeeded, type Ended, type Line, type ProgramOptions } from './programs.ts';

export const root = path.join(import.meta.dirname, '../..');

const HEALTHY_LIMIT_MS = 5 * 60_000;
const TELL_EVERY_MS = 10_000;
/** Of what a failed start has logged. */
const LOG_LINES = '60';

const ContainerSchema = z.object({
  Name: z.string(),
  Service: z.string(),
  State: z.string(),
  Health: z.string(),
  ExitCode: z.int(),
});
export type Container = z.infer<typeof ContainerSchema>;

export interface Ports {
  readonly temporal: number;
  readonly ui: number;
  readonly database: number;
}

export class Project {
  readonly name = `holdfast-test-${process.pid}`;
  readonly ports: Ports;
  readonly #engine: Engine;
  readonly #line: Line;
  readonly #env: NodeJS.ProcessEnv;

  private constructor(engine: Engine, line: Line, ports: Ports) {
    this.ports = ports;
    this.#engine = engine;
    this.#line = [...line, '--ansi=never', '--project-name', this.name, '--project-directory', root];
    this.#env = {
      ...engine.env,
      HOLDFAST_TEMPORAL_PORT: String(ports.temporal),
      HOLDFAST_UI_PORT: String(ports.ui),
      HOLDFAST_APP_DB_PORT: String(ports.database),
    };
  }

  /** `cutOff`: for a machine that reaches no public registry; a folder for a file of this run. */
  static async prepare(engine: Engine, line: Line, cutOff: { readonly folder: string } | undefined): Promise<Project> {
    const files = ['--file', path.join(root, 'docker-compose.yml')];
    if (cutOff !== undefined) {
      const file = path.join(cutOff.folder, 'cut-off.json');
      await fs.writeFile(file, JSON.stringify(cutOffServices()));
      files.push('--file', file);
    }
    const ports = { temporal: await freePort(), ui: await freePort(), database: await freePort() };
    return new Project(engine, [...line, ...files], ports);
  }

  async compose(args: readonly string[], options: ProgramOptions = {}): Promise<string> {
    return succeeded([...this.#line, ...args], { ...options, env: this.#env });
  }

  async docker(args: readonly string[], options: ProgramOptions = {}): Promise<string> {
    return succeeded(['docker', ...args], { ...options, env: this.#engine.env });
  }

  /** Of one service, or all; ended ones too. */
  async containers(service?: string): Promise<Container[]> {
    const printed = await this.compose([
      'ps',
      '--all',
      '--format',
      'json',
      ...(service === undefined ? [] : [service]),
    ]);
    const lines = printed.split('\n').filter((line) => line.startsWith('{'));
    return lines.map((line) => ContainerSchema.parse(JSON.parse(line)));
  }

  /** Until every container that has a health check is healthy, what runs once has ended well, and the rest runs. */
  async untilHealthy(workers: number): Promise<void> {
    let toldMs = performance.now();
    const startedMs = toldMs;
    const look = async (): Promise<Container[]> => {
      const containers = await this.containers();
      if (performance.now() - toldMs > TELL_EVERY_MS) {
        toldMs = performance.now();
        say(
          `    ${seconds(toldMs - startedMs)}: ${containers
            .filter((one) => !isWell(one))
            .map(describe)
            .join(', ')}`,
        );
      }
      return containers;
    };
    const enough = (all: Container[]): boolean => all.filter(({ Service }) => Service === 'worker').length === workers;
    await until(look, (all) => all.length > 0 && enough(all) && all.every(isWell), {
      what: 'health of every container',
      limitMs: HEALTHY_LIMIT_MS,
      everyMs: 500,
    });
  }

  async logs(): Promise<string> {
    return (await ended([...this.#line, 'logs', '--no-color', '--tail', LOG_LINES], { env: this.#env })).stdout;
  }

  /** What `holdfast` answers in a worker's container. */
  async inWorker(container: string, args: readonly string[]): Promise<string> {
    return this.docker(['exec', container, 'holdfast', ...args]);
  }

  /** By the published port, from this checkout, as a person would. */
  async holdfast(args: readonly string[]): Promise<Ended> {
    const env = { ...process.env, TEMPORAL_ADDRESS: `127.0.0.1:${this.ports.temporal}`, NO_COLOR: '1' };
    return ended([process.execPath, path.join(root, 'src/cli.ts'), ...args], { env, cwd: root });
  }

  /** Of the worker's image, which Compose has built. */
  async imageBytes(): Promise<number> {
    return Number(await this.docker(['image', 'inspect', '--format', '{{.Size}}', `${this.name}-worker`]));
  }

  /** A file of the workers' volume; empty where it isn't there. */
  async onVolume(container: string, file: string): Promise<string> {
    const line: Line = ['docker', 'exec', container, 'cat', `/workspaces/${file}`];
    return (await ended(line, { env: this.#engine.env })).stdout;
  }

  async untilRunning(container: string, waiting: { limitMs: number }): Promise<void> {
    const running = async (): Promise<boolean> =>
      (await this.containers('worker')).some(({ Name, State }) => Name === container && State === 'running');
    await untilTrue(running, { what: `${container} running again`, ...waiting });
  }

  /** Whatever the engine still has of this project, by the label that Compose gives. */
  async left(): Promise<string[]> {
    const label = `label=com.docker.compose.project=${this.name}`;
    const kinds = { container: ['ps', '--all'], network: ['network', 'ls'], volume: ['volume', 'ls'] };
    const found: string[] = [];
    for (const [kind, list] of Object.entries(kinds)) {
      const ids = (await this.docker([...list, '--quiet', '--filter', label])).split('\n').filter((id) => id !== '');
      found.push(...ids.map((id) => `${kind} ${id}`));
    }
    return found;
  }
}

/**
 * The Dockerfile's downloads go through the machine's own network. While all runs, a name server of the test says of
 * every other name that there is none: clients of the server ask for more than addresses, and without an answer would
 * wait until they give up.
 */
function cutOffServices(): unknown {
  const { services } = ComposeSchema.parse(parse(readFileSync(path.join(root, 'docker-compose.yml'), 'utf8')));
  const image = /^FROM (\S+)/m.exec(readFileSync(path.join(root, 'Dockerfile'), 'utf8'))![1];
  const network = `10.213.${process.pid % 256}`;
  const address = `${network}.53`;
  const changed = Object.entries(services).map(([name, service]): [string, unknown] => {
    const build = service.build === undefined ? {} : { build: { network: 'host' } };
    return [name, { dns: [address], ...build }];
  });
  const names = { image, init: true, command: ['node', '--eval', NO_SUCH_NAME] };
  const placed: [string, unknown] = ['names', { ...names, networks: { default: { ipv4_address: address } } }];
  return {
    services: Object.fromEntries<unknown>([...changed, placed]),
    networks: { default: { ipam: { config: [{ subnet: `${network}.0/24` }] } } },
  };
}
/** A DNS answer is the question with two bits set and the code 3. */
const NO_SUCH_NAME = `
  const socket = require('node:dgram').createSocket('udp4');
  socket.on('message', (question, { port, address }) => {
    const answer = Buffer.from(question);
    answer[2] |= 0x80;
    answer[3] = 0x83;
    socket.send(answer, port, address);
  });
  socket.bind(53);
`;
const ComposeSchema = z.object({ services: z.record(z.string(), z.object({ build: z.unknown().optional() })) });

/** `docker compose` where it works, else one that is built, or was (`mayMake`: false). */
export async function composeLine(
  engine: Engine,
  { mayMake }: { readonly mayMake: boolean },
): Promise<{ line: Line; version: string }> {
  const plugin: Line = ['docker', 'compose'];
  const { code, stdout } = await ended([...plugin, 'version', '--short'], { env: engine.env });
  if (code === 0) return { line: plugin, version: stdout.trim() };
  if (!mayMake && !existsSync(cachedPlace(`docker-compose-${COMPOSE_VERSION}`)))
    throw new Lacking(
      'Docker comes without Compose here, and none is in the cache. Install the package docker-compose-plugin; ' +
        '`npm run test:compose` builds one too, which takes minutes.',
    );
  const line: Line = [await builtCompose()];
  return { line, version: `${(await succeeded([...line, 'version', '--short'])).trim()}, built for this test` };
}

function isWell({ State, Health, ExitCode }: Container): boolean {
  return (State === 'running' && (Health === 'healthy' || Health === '')) || (State === 'exited' && ExitCode === 0);
}

function describe({ Service, State, Health, ExitCode }: Container): string {
  if (State === 'exited') return `${Service} exited with ${ExitCode}`;
  return `${Service} ${Health === '' ? State : Health}`;
}
