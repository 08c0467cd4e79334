/**
 * npm packages that the project must not depend on, for one program of it: a folder with a package.json and its
 * lockfile says which.
 *
 * Invariant: they lie in the user's cache, by the digest of the lockfile, whole or not at all: they are installed
 * beside it, then renamed. No script of theirs runs.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { promises as fs, rmSync } from 'node:fs';
import path from 'node:path';
import { cacheDirectory } from '../src/dev-server/cache-directory.ts';

/** Where the node_modules are, or what npm printed when it failed. */
export type CachedPackages = { readonly packages: string } | { readonly problem: string };

/** @param onFetch told when they are not there yet */
export async function cachedPackages(wanted: string, onFetch: () => void): Promise<CachedPackages> {
  const lockfile = await fs.readFile(path.join(wanted, 'package-lock.json'));
  const digest = createHash('sha256').update(lockfile).digest('hex').slice(0, 12);
  const folder = path.join(cacheDirectory(), `${path.basename(wanted)}-${digest}`);
  const packages = path.join(folder, 'node_modules');
  const isThere = async (): Promise<boolean> =>
    await fs.access(packages).then(
      () => true,
      () => false,
    );
  if (await isThere()) return { packages };
  const draft = `${folder}.${process.pid}.tmp`;
  const remove = (): void => rmSync(draft, { recursive: true, force: true });
  process.once('exit', remove);
  try {
    onFetch();
    await fs.mkdir(draft, { recursive: true });
    for (const file of ['package.json', 'package-lock.json'])
      await fs.copyFile(path.join(wanted, file), path.join(draft, file));
    const problem = await npmCi(draft);
    if (problem !== undefined) return { problem };
    await fs.rename(draft, folder).catch(async (error: unknown) => {
      // Another run was faster. What it put there is the same.
      if (!(await isThere())) throw error;
    });
    return { packages };
  } finally {
    remove();
    process.off('exit', remove);
  }
}

/** Returns what npm printed when it failed. */
async function npmCi(folder: string): Promise<string | undefined> {
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=warn'];
  const options = { cwd: folder, shell: process.platform === 'win32' };
  const child = spawn('npm', args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    return code === 0 ? undefined : output.trim();
  } catch (error) {
    return (error as Error).message;
  }
}
