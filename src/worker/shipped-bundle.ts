/**
 * The bundles of Holdfast's own Workflows that the package carries, so that a worker without Workflows of its user's
 * starts without webpack.
 *
 * Invariant: a bundle is used only with the version of Temporal's SDK that it was made with: both halves of the SDK, in
 * the bundle and around it, must be of one version.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { WorkflowBundleWithSourceMap } from '@temporalio/worker';

const FOLDER = fileURLToPath(new URL('../workflow-bundles', import.meta.url));

/** Undefined: there is none (a checkout), or it was made with another version of the SDK. */
export function shippedBundle(isEncrypted: boolean): WorkflowBundleWithSourceMap | undefined {
  try {
    if (readFileSync(join(FOLDER, 'sdk-version'), 'utf8') !== sdkVersion()) return undefined;
    return {
      code: readFileSync(join(FOLDER, fileOf(isEncrypted)), 'utf8'),
      sourceMap: 'deprecated: this is no longer in use',
    };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** For the build of the package. */
export function shipBundles(bundles: readonly { readonly isEncrypted: boolean; readonly code: string }[]): void {
  mkdirSync(FOLDER, { recursive: true });
  for (const { isEncrypted, code } of bundles) writeFileSync(join(FOLDER, fileOf(isEncrypted)), withoutSources(code));
  writeFileSync(join(FOLDER, 'sdk-version'), sdkVersion());
}

const SOURCE_MAP = /(\n\/\/# sourceMappingURL=data:application\/json;(?:charset=utf-8;)?base64,)([A-Za-z0-9+/=]+)\s*$/;

/** The source map still tells places; the texts of the sources would be more than half of the file. */
function withoutSources(code: string): string {
  return code.replace(SOURCE_MAP, (_, start: string, base64: string) => {
    const { sourcesContent: _texts, ...map } = JSON.parse(Buffer.from(base64, 'base64').toString()) as Record<
      string,
      unknown
    >;
    return start + Buffer.from(JSON.stringify(map)).toString('base64');
  });
}

function fileOf(isEncrypted: boolean): string {
  return isEncrypted ? 'encrypted.js' : 'plain.js';
}

function sdkVersion(): string {
  const manifest = createRequire(import.meta.url)('@temporalio/workflow/package.json') as { readonly version: string };
  return manifest.version;
}
