/** The bundle of Workflows that a worker runs: Holdfast's own, and the user's. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  bundleWorkflowCode,
  DefaultLogger,
  type BundleOptions,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import { FAILURE_CONVERTER_PATH, PAYLOAD_CONVERTER_PATH } from '../codec/data-converter.ts';
import { ENCODED_FAILURES } from '../codec/failure-converter.ts';
import type { EncryptionKeys } from '../codec/keys.ts';
import { defined } from '../model/defined.ts';
import { HoldfastError } from '../model/failure.ts';
import { refuseUnknownOptions } from '../model/options.ts';
import { shippedBundle } from './shipped-bundle.ts';

type WebpackConfig = Parameters<NonNullable<BundleOptions['webpackConfigHook']>>[0];

export interface BundleChoice {
  /** For workers with encryption on: messages of Workflows' failures are encrypted, too. Default: false. */
  readonly isEncrypted?: boolean;
}

/** The bundle of Holdfast's Workflows, which the package carries; with yours it is made now, which takes seconds. */
export async function bundleWorkflows(
  workflowsPath?: string,
  choice: BundleChoice = {},
): Promise<WorkflowBundleWithSourceMap> {
  refuseUnknownOptions('bundleWorkflows', choice, { isEncrypted: true });
  const { isEncrypted = false } = choice;
  const shipped = workflowsPath === undefined ? shippedBundle(isEncrypted) : undefined;
  if (shipped !== undefined) return shipped;
  const fromSources = import.meta.url.endsWith('.ts');
  const own = modulePath('index', fromSources);
  const common: Omit<BundleOptions, 'workflowsPath'> = {
    logger: new DefaultLogger('WARN'),
    payloadConverterPath: PAYLOAD_CONVERTER_PATH,
    workflowInterceptorModules: [modulePath('carried-argument', fromSources)],
    webpackConfigHook: (config) => resolving(config, fromSources),
    ...defined({ failureConverterPath: isEncrypted ? FAILURE_CONVERTER_PATH : undefined }),
  };
  if (workflowsPath === undefined) return await bundleWorkflowCode({ ...common, workflowsPath: own });
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-workflows-'));
  try {
    const entry = join(directory, 'entry.mjs');
    const theirs = workflowsPath.startsWith('file:') ? fileURLToPath(workflowsPath) : resolve(workflowsPath);
    writeFileSync(
      entry,
      `export * from ${JSON.stringify(theirs)};\nexport { agentJob } from ${JSON.stringify(own)};\n`,
    );
    return await bundleWorkflowCode({ ...common, workflowsPath: entry });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function modulePath(name: string, fromSources: boolean): string {
  return fileURLToPath(new URL(`../workflows/${name}${fromSources ? '.ts' : '.js'}`, import.meta.url));
}

/**
 * Failures are converted inside the bundle: a bundle that was made without encryption would send their messages in the
 * clear. @throws HoldfastError `bad-input`
 */
export function assertBundleFits({ code }: WorkflowBundleWithSourceMap, keys: EncryptionKeys): void {
  if (!keys.isOn || code.includes(ENCODED_FAILURES)) return;
  throw new HoldfastError(
    'bad-input',
    `Encryption is on (keys from ${keys.source}), but the bundle of Workflows was made without it: messages of ` +
      'failures would be sent in the clear.',
    { nextStep: 'Make it with bundleWorkflows(workflowsPath, { isEncrypted: true }).' },
  );
}

/** The entry lies in a folder without packages; in the checkout the package's own name means its sources. */
function resolving(config: WebpackConfig, fromSources: boolean): WebpackConfig {
  const packages = join(dirname(createRequire(import.meta.url).resolve('@temporalio/workflow/package.json')), '../..');
  const conditionNames = fromSources ? { conditionNames: ['holdfast-source', '...'] } : {};
  return {
    ...config,
    resolve: {
      ...config.resolve,
      modules: [...(config.resolve?.modules ?? ['node_modules']), packages],
      ...conditionNames,
    },
  };
}
