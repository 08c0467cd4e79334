/** The servers that outlive the killed process. Each is started once, when the first peer asks for it. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { startDevServer } from '../../../src/dev-server/start.ts';
import { startServer as startRestate } from '../restate-server.ts';
import type { ServerAddress, ServerName } from './peer.ts';

/** The program has tens of megabytes; what npm has in its place is a script. */
const LEAST_PROGRAM_BYTES = 1_000_000;

interface Started {
  readonly address: ServerAddress;
  stop(): Promise<void>;
}

export class Servers implements AsyncDisposable {
  readonly #folder: string;
  readonly #started = new Map<ServerName, Promise<Started>>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws an Error that says why it can't be had */
  async addressOf(name: ServerName | undefined, packages: string): Promise<ServerAddress> {
    if (name === undefined) return { main: '', admin: '' };
    const known = this.#started.get(name) ?? this.#start(name, packages);
    this.#started.set(name, known);
    return (await known).address;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const started = await Promise.allSettled(this.#started.values());
    for (const one of started) if (one.status === 'fulfilled') await one.value.stop();
  }

  async #start(name: ServerName, packages: string): Promise<Started> {
    if (name === 'inngest') throw noInngest(packages);
    if (name === 'restate') {
      const { ingress, admin, process } = await startRestate(join(this.#folder, 'restate-server'), packages);
      return { address: { main: ingress, admin }, stop: async () => await process.stop() };
    }
    const server = await startDevServer({ ui: false, dbFilename: join(this.#folder, 'temporal.db') });
    return { address: { main: server.address, admin: '' }, stop: async () => await server.stop() };
  }
}

function noInngest(packages: string): Error {
  const { size } = statSync(join(packages, 'inngest-cli/bin/inngest'));
  const found =
    size < LEAST_PROGRAM_BYTES
      ? `holds a script of ${size} bytes in the server's place, and downloads the server when it is installed, from ` +
        'another place than the registry; this comparison runs no install scripts'
      : `holds a server of ${size} bytes; this comparison has no job for it yet`;
  return new Error(`the npm package inngest-cli, installed by npm ci, ${found}`);
}
