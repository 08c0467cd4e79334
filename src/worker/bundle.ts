/** The bundle of Workflows that a worker runs: Holdfast's own, and the user's. */
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  bundleWorkflowCode,
  DefaultLogger,
  type BundleOptions,
  type WorkerOptions,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import {
  CONVERTER_OVER_YOURS_PATH,
  FAILURE_CONVERTER_PATH,
  PAYLOAD_CONVERTER_PATH,
  refuseOtherFailureConverter,
} from '../codec/data-converter.ts';
import { defined } from '../model/defined.ts';
import { refuseUnknownOptions } from '../model/options.ts';
import { keepBundle, keptBundle } from './kept-bundle.ts';
import { refusingPreloaded } from './preloaded.ts';
import { sdkVersions, shippedBundle, shippedMaking } from './shipped-bundle.ts';

type WebpackConfig = Parameters<NonNullable<BundleOptions['webpackConfigHook']>>[0];

/** What a bundle is made for. */
export interface BundleChoice {
  /** For workers with encryption on: messages of Workflows' failures are encrypted, too. Default: false. */
  readonly isEncrypted?: boolean;
}

const FROM_SOURCES = import.meta.url.endsWith('.ts');
/** A module with Holdfast's Workflow alone. */
export const OWN_WORKFLOWS = ownModule('agent-job-entry');
/** A module with `agentJob` and, under names that the bundler replaces, what the user has. */
const BESIDE_YOURS = ownModule('beside-yours');
/** In every bundle in which a guarded job runs. */
const INTERCEPTORS = ownModule('interceptors');
/** Names the spans of a tracer, if there is one. Behind it. */
const TRACE = ownModule('trace');
const OWN_INTERCEPTORS: readonly string[] = [INTERCEPTORS, TRACE];

/**
 * The bundle of Holdfast's Workflows, which the package carries; with yours it is made now, which takes seconds. Needs
 * no server. Safe to repeat.
 * @throws HoldfastError `bad-input` for an unknown option; what Temporal's bundler throws of bad Workflows
 */
export async function bundleWorkflows(
  workflowsPath?: string,
  choice: BundleChoice = {},
): Promise<WorkflowBundleWithSourceMap> {
  refuseUnknownOptions('bundleWorkflows', choice, { isEncrypted: true });
  const { isEncrypted = false } = choice;
  const ready = workflowsPath === undefined ? readyBundle(isEncrypted) : undefined;
  if (ready !== undefined) return ready;
  const options = {
    logger: new DefaultLogger('WARN'),
    workflowsPath: modulePathOf(workflowsPath) ?? OWN_WORKFLOWS,
  };
  return await bundleWorkflowCode(withHoldfast(options, { isEncrypted, hasAgentJob: true }));
}

/** The bundle of Holdfast's Workflows that takes no making: the package's, or one kept for the SDK that is here. */
export function readyBundle(isEncrypted: boolean): WorkflowBundleWithSourceMap | undefined {
  return shippedBundle(isEncrypted) ?? keptBundle(isEncrypted);
}

/**
 * For a worker that runs Holdfast's Workflows alone: as `bundleWorkflows`, and what had to be made is kept for the next
 * one. Undefined: in a checkout, whose Workflows the worker bundles by itself.
 */
export async function ownBundle(
  isEncrypted: boolean,
  tell: (message: string) => void,
): Promise<WorkflowBundleWithSourceMap | undefined> {
  const making = shippedMaking();
  if (making === undefined) return undefined;
  const ready = readyBundle(isEncrypted);
  if (ready !== undefined) return ready;
  tell(
    `Temporal's SDK is ${[...new Set(sdkVersions())].join(' and ')} here, and the package's Workflows are bundled ` +
      `for ${making.sdkVersion}: bundling them anew, once.`,
  );
  const made = await bundleWorkflows(undefined, { isEncrypted });
  keepBundle(made, isEncrypted);
  return made;
}

/** Of a path or a `file:` URL, as a user gives it. */
export function modulePathOf(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  return path.startsWith('file:') ? fileURLToPath(path) : resolve(path);
}

export interface BundledParts extends Required<BundleChoice> {
  readonly hasAgentJob: boolean;
}

/**
 * What the bundler needs so that guarded jobs run in the bundle, beside whatever the options name. Safe to repeat.
 * @throws HoldfastError `bad-input`: with encryption on, a failure converter of one's own
 */
export function withHoldfast(options: BundleOptions, { isEncrypted, hasAgentJob }: BundledParts): BundleOptions {
  refuseOtherFailureConverter(options, isEncrypted);
  const { workflowsPath, payloadConverterPath, workflowInterceptorModules = [], webpackConfigHook } = options;
  const isBeside = hasAgentJob && workflowsPath !== OWN_WORKFLOWS && workflowsPath !== BESIDE_YOURS;
  const isOver = payloadConverterPath !== undefined && !OWN_CONVERTERS.has(payloadConverterPath);
  const alias = {
    ...(isBeside ? { 'holdfast-beside-workflows$': workflowsPath } : {}),
    ...(isOver ? { 'holdfast-under-payload-converter$': payloadConverterPath } : {}),
  };
  // The bundler looks for modules from its entry on, which is then Holdfast's.
  const found = (module: string): string =>
    isBeside && module.startsWith('.') ? resolve(dirname(workflowsPath), module) : module;
  const preloadModules = options.preloadModules?.map(found);
  const places = isBeside ? packageFolders(dirname(workflowsPath)) : [];
  return {
    ...options,
    workflowsPath: isBeside ? BESIDE_YOURS : workflowsPath,
    payloadConverterPath: isOver ? CONVERTER_OVER_YOURS_PATH : (payloadConverterPath ?? PAYLOAD_CONVERTER_PATH),
    workflowInterceptorModules: [
      ...workflowInterceptorModules.map(found).filter((path) => !OWN_INTERCEPTORS.includes(path)),
      ...OWN_INTERCEPTORS,
    ],
    webpackConfigHook(config) {
      const { plugins = [], ...given } = webpackConfigHook?.(config) ?? config;
      return { ...resolving(given, alias, places), plugins: [...plugins, ...refusingPreloaded(preloadModules)] };
    },
    ...defined({ preloadModules, failureConverterPath: isEncrypted ? FAILURE_CONVERTER_PATH : undefined }),
  };
}

/** Where Node looks for packages from a folder on. */
function packageFolders(folder: string): readonly string[] {
  const parent = dirname(folder);
  return [join(folder, 'node_modules'), ...(parent === folder ? [] : packageFolders(parent))];
}

/** Would other plugins, interceptors or options of the bundler change the bundle of Holdfast's Workflows? */
export function isBundleChanged({
  interceptors,
  plugins = [],
  bundlerOptions,
}: {
  readonly interceptors?: WorkerOptions['interceptors'] | undefined;
  readonly plugins?: WorkerOptions['plugins'];
  readonly bundlerOptions?: WorkerOptions['bundlerOptions'];
}): boolean {
  if (bundlerOptions !== undefined || (interceptors?.workflowModules ?? []).length > 0) return true;
  return plugins.some((plugin) => 'configureBundler' in plugin);
}

const OWN_CONVERTERS: ReadonlySet<string> = new Set([PAYLOAD_CONVERTER_PATH, CONVERTER_OVER_YOURS_PATH]);

function ownModule(name: string): string {
  return fileURLToPath(new URL(`../workflows/${name}${FROM_SOURCES ? '.ts' : '.js'}`, import.meta.url));
}

/** A user's module may lie in a folder without packages; in the checkout the package's own name means its sources. */
function resolving(
  config: WebpackConfig,
  alias: Readonly<Record<string, string>>,
  places: readonly string[],
): WebpackConfig {
  const packages = join(dirname(createRequire(import.meta.url).resolve('@temporalio/workflow/package.json')), '../..');
  const conditionNames = FROM_SOURCES ? { conditionNames: ['holdfast-source', '...'] } : {};
  return {
    ...config,
    resolve: {
      ...config.resolve,
      alias: Object.assign({}, config.resolve?.alias, alias),
      modules: [...(config.resolve?.modules ?? ['node_modules']), packages, ...places],
      ...conditionNames,
    },
  };
}
