/**
 * The bundles of Holdfast's own Workflows that the package carries, so that a worker without Workflows of its user's
 * starts without webpack.
 *
 * Invariant: a bundle is used only with the version of Temporal's SDK that it was made with: both halves of the SDK, in
 * the bundle and around it, must be of one version.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { WorkflowBundleWithSourceMap } from '@temporalio/worker';

const FOLDER = fileURLToPath(new URL('../workflow-bundles', import.meta.url));

/** What the package's bundles were made of. */
export interface ShippedMaking {
  readonly sdkVersion: string;
  /** Of their code: no two builds of the package whose Workflows differ have the same. */
  readonly digest: string;
}

/** Undefined: there is none (a checkout), or it was made with another version of the SDK. */
export function shippedBundle(isEncrypted: boolean): WorkflowBundleWithSourceMap | undefined {
  const making = shippedMaking();
  if (making === undefined || sdkVersions().some((version) => version !== making.sdkVersion)) return undefined;
  return bundleOf(readFileSync(join(FOLDER, fileOf(isEncrypted)), 'utf8'));
}

/** Undefined: this is no package, but a checkout. */
export function shippedMaking(): ShippedMaking | undefined {
  try {
    return JSON.parse(readFileSync(join(FOLDER, 'made-of.json'), 'utf8')) as ShippedMaking;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** For the build of the package. */
export function shipBundles(bundles: readonly { readonly isEncrypted: boolean; readonly code: string }[]): void {
  mkdirSync(FOLDER, { recursive: true });
  const digest = createHash('sha256');
  for (const { isEncrypted, code } of bundles) {
    const shipped = withoutSources(code);
    digest.update(shipped);
    writeFileSync(join(FOLDER, fileOf(isEncrypted)), shipped);
  }
  const [sdkVersion] = sdkVersions();
  const making: ShippedMaking = { sdkVersion, digest: digest.digest('hex') };
  writeFileSync(join(FOLDER, 'made-of.json'), `${JSON.stringify(making)}\n`);
}

export function bundleOf(code: string): WorkflowBundleWithSourceMap {
  return { code, sourceMap: 'deprecated: this is no longer in use' };
}

const SOURCE_MAP = /(\n\/\/# sourceMappingURL=data:application\/json;(?:charset=utf-8;)?base64,)([A-Za-z0-9+/=]+)\s*$/;

/** The source map still tells places; the texts of the sources would be more than half of the file. */
export function withoutSources(code: string): string {
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

/** Of the half in the bundle and of the half around it. */
export function sdkVersions(): readonly [string, string] {
  const require = createRequire(import.meta.url);
  const versionOf = (name: string): string =>
    (require(`@temporalio/${name}/package.json`) as { readonly version: string }).version;
  return [versionOf('workflow'), versionOf('worker')];
}
