/** The servers that outlive the killed process. Each is started once, when the first peer asks for it. */
import { join } from 'node:path';
import { startDevServer } from '../../../src/dev-server/start.ts';
import { INNGEST_SERVER_VERSION, startServer as startInngest } from '../inngest-server.ts';
import { startServer as startRestate } from '../restate-server.ts';
import type { ServerAddress, ServerName } from './peer.ts';

interface Started {
  readonly address: ServerAddress;
  stop(): Promise<void>;
}

export class Servers implements AsyncDisposable {
  readonly #folder: string;
  readonly #say: (line: string) => void;
  readonly #started = new Map<ServerName, Promise<Started>>();

  constructor(folder: string, say: (line: string) => void) {
    this.#folder = folder;
    this.#say = say;
  }

  /** @throws an Error that says why it can't be had */
  async addressOf(name: ServerName | undefined, packages: string): Promise<ServerAddress> {
    if (name === undefined) return { main: '' };
    const known = this.#started.get(name) ?? this.#start(name, packages);
    this.#started.set(name, known);
    return (await known).address;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const started = await Promise.allSettled(this.#started.values());
    for (const one of started) if (one.status === 'fulfilled') await one.value.stop();
  }

  async #start(name: ServerName, packages: string): Promise<Started> {
    if (name === 'inngest') {
      const { url, signingKey, process } = await startInngest(join(this.#folder, 'inngest-server'), this.#say);
      const address = { main: url, signingKey, version: INNGEST_SERVER_VERSION };
      return { address, stop: async () => await process.stop() };
    }
    if (name === 'restate') {
      const { ingress, admin, process } = await startRestate(join(this.#folder, 'restate-server'), packages);
      return { address: { main: ingress, admin }, stop: async () => await process.stop() };
    }
    const server = await startDevServer({ ui: false, dbFilename: join(this.#folder, 'temporal.db') });
    return { address: { main: server.address }, stop: async () => await server.stop() };
  }
}
