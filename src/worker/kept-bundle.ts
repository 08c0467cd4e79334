/**
 * Where the project's SDK is of another version than the package's bundle was made with, Holdfast's own Workflows are
 * bundled anew. That takes seconds, so the bundle is kept in the user's cache for the next worker.
 *
 * Invariants
 * 1. A kept bundle is used only with the build of Holdfast and the versions of the SDK that it was made with: its name
 *    is a digest of them.
 * 2. It is read whole or not at all: it begins with the digest of what follows.
 * 3. A cache that can't be used is no failure; the next worker bundles again.
 */
import { hash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { cacheDirectory } from '../dev-server/cache-directory.ts';
import { bundleOf, sdkVersions, shippedMaking, withoutSources } from './shipped-bundle.ts';

/** Only a package keeps one; the sources of a checkout change. */
export function keptBundle(isEncrypted: boolean): WorkflowBundleWithSourceMap | undefined {
  try {
    const file = placeOf(isEncrypted);
    if (file === undefined) return undefined;
    const text = readFileSync(file, 'utf8');
    const end = text.indexOf('\n');
    const code = text.slice(end + 1);
    return text.slice(0, end) === headOf(code) ? bundleOf(code) : undefined;
  } catch {
    return undefined;
  }
}

export function keepBundle({ code }: { readonly code: string }, isEncrypted: boolean): void {
  let draft: string | undefined;
  try {
    const file = placeOf(isEncrypted);
    if (file === undefined) return;
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    draft = `${file}.${randomBytes(6).toString('hex')}`;
    const kept = withoutSources(code);
    writeFileSync(draft, `${headOf(kept)}\n${kept}`, { mode: 0o600 });
    renameSync(draft, file);
  } catch {
    if (draft !== undefined) rmSync(draft, { force: true });
  }
}

function placeOf(isEncrypted: boolean): string | undefined {
  const making = shippedMaking();
  if (making === undefined) return undefined;
  const key = hash('sha256', JSON.stringify([making.digest, sdkVersions(), isEncrypted]));
  return join(cacheDirectory(), 'bundles', `${key}.js`);
}

function headOf(code: string): string {
  return `// sha256 ${hash('sha256', code)}`;
}
