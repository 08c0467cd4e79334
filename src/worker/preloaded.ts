/**
 * Modules that a bundle loads once for all Workflows of a Worker (`preloadModules`). The SDK freezes them, and what a
 * module keeps in its scope is then shared.
 *
 * Invariant: nothing of Holdfast's is among them, however far away it is imported: its modules keep things of the one
 * job that they are loaded for, and a job would take another's. Neither is zod, which writes to its own objects while
 * it runs: in each Workflow that uses it the Workflow Task would fail again and again.
 */
import { fileURLToPath } from 'node:url';
import type { BundleOptions } from '@temporalio/worker';
import { HoldfastError } from '../model/failure.ts';

type WebpackConfig = Parameters<NonNullable<BundleOptions['webpackConfigHook']>>[0];
type WebpackPlugins = NonNullable<WebpackConfig['plugins']>;
/** Webpack's own types, as far as those of the SDK lead to them. A function has an `apply`, too. */
type WebpackPlugin = Exclude<WebpackPlugins[number], (...given: never[]) => unknown>;
type Compiler = Parameters<Extract<WebpackPlugin, { readonly apply: unknown }>['apply']>[0];
type Compilation = Parameters<Parameters<Compiler['hooks']['compilation']['tap']>[1]>[0];
type Module = NonNullable<ReturnType<Compilation['moduleGraph']['getModule']>>;

const OWN_FOLDER = fileURLToPath(new URL('..', import.meta.url));
const ZOD = /[\\/]node_modules[\\/]zod[\\/]/;

/** A plugin of the bundler that looks at what the modules bring with them. Without modules there is none. */
export function refusingPreloaded(preloadModules: readonly string[] = []): WebpackPlugins {
  if (preloadModules.length === 0) return [];
  const apply = (compiler: Compiler): void =>
    compiler.hooks.thisCompilation.tap('holdfast', (compilation) =>
      compilation.hooks.finishModules.tap('holdfast', () => {
        for (const [request, module] of preloadedIn(compilation, new Set(preloadModules)))
          refuse(request, unsharedAmong(module, compilation));
      }),
    );
  return [{ apply }];
}

/** The bundler's own entry names them as they were given. */
function preloadedIn({ entries, moduleGraph }: Compilation, requests: ReadonlySet<string>): [string, Module][] {
  const found: [string, Module][] = [];
  for (const { dependencies } of entries.values())
    for (const entry of dependencies)
      for (const dependency of moduleGraph.getModule(entry)?.dependencies ?? []) {
        const { request } = dependency as { readonly request?: string };
        const module = moduleGraph.getModule(dependency);
        if (request !== undefined && requests.has(request) && module !== null) found.push([request, module]);
      }
  return found;
}

/** What is Holdfast's, or zod; undefined: neither is brought in. */
function unsharedAmong(first: Module, { moduleGraph }: Compilation): 'Holdfast' | 'zod' | undefined {
  const seen = new Set([first]);
  let hasZod = false;
  // It grows while it is gone through.
  for (const module of seen) {
    const file = module.nameForCondition() ?? '';
    if (file.startsWith(OWN_FOLDER)) return 'Holdfast';
    hasZod ||= ZOD.test(file);
    for (const { module: next } of moduleGraph.getOutgoingConnections(module)) if (next !== null) seen.add(next);
  }
  return hasZod ? 'zod' : undefined;
}

const WHY = {
  Holdfast: "modules of Holdfast's, in which each Workflow keeps what is its own",
  zod: 'zod, which cannot run once it is preloaded: its objects are frozen then',
} as const;

function refuse(request: string, unshared: keyof typeof WHY | undefined): void {
  if (unshared === undefined) return;
  throw new HoldfastError('bad-input', `preloadModules: "${request}" brings in ${WHY[unshared]}.`, {
    module: request,
    nextStep: "Leave it out of preloadModules. Modules that import neither Holdfast's nor zod may stay.",
  });
}
