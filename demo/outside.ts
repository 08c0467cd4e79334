/**
 * What watches the demo's job from outside: the file system's own events, `sha256sum`, a service that counts its
 * requests. None of it asks Holdfast.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, statSync, watch } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';

/** Beaufort's, from what a leaf notices on. */
const SCALE = [
  { force: 3, name: 'gentle breeze', fromMetresPerSecond: 3.4 },
  { force: 4, name: 'moderate breeze', fromMetresPerSecond: 5.5 },
  { force: 5, name: 'fresh breeze', fromMetresPerSecond: 8 },
];

export interface Service {
  readonly url: string;
  readonly refused: number;
  readonly answered: number;
  stop(): Promise<void>;
}

/** A service that refuses its first request, as services do. */
export async function startService(): Promise<Service> {
  let requests = 0;
  const server = createServer((_request, response) => {
    requests++;
    if (requests === 1) response.writeHead(503, { connection: 'close' }).end('Try again.');
    else
      response.writeHead(200, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify(SCALE));
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/scale.json`,
    get refused() {
      return Math.min(1, requests);
    },
    get answered() {
      return Math.max(0, requests - 1);
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

export interface FolderEvents {
  /** How often a file of this name was put into place (or taken away) by a rename: inotify's own count on Linux. */
  renames(name: string): number;
  stop(): void;
}

/** Only Linux tells each rename apart; elsewhere several may be told as one. */
export const EVENTS_ARE_EXACT = process.platform === 'linux';

export function watchFolder(folder: string): FolderEvents {
  const counts = new Map<string, number>();
  const watcher = watch(folder, (event, name) => {
    if (event === 'rename' && name !== null) counts.set(name, (counts.get(name) ?? 0) + 1);
  });
  return { renames: (name) => counts.get(name) ?? 0, stop: () => watcher.close() };
}

/** By the system's own program; by Node where there is none. */
export async function sha256sum(folder: string, names: readonly string[]): Promise<ReadonlyMap<string, string>> {
  try {
    const { stdout } = await promisify(execFile)('sha256sum', ['--', ...names], { cwd: folder });
    return new Map(
      stdout
        .trim()
        .split('\n')
        .map((line) => [line.slice(66), line.slice(0, 64)]),
    );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return new Map(
      names.map((name) => [
        name,
        createHash('sha256')
          .update(readFileSync(path.join(folder, name)))
          .digest('hex'),
      ]),
    );
  }
}

/** Tells a file that was written again, with whatever content, from one that was left alone. */
export function fileIdentity(file: string): string {
  const { ino, mtimeNs, size } = statSync(file, { bigint: true });
  return `${ino} ${mtimeNs} ${size}`;
}
