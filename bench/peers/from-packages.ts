/** Where the modules of contenders and peers find the npm packages that they import. */
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * What a `.mjs` module of bench/peers imports is found among its packages, though it doesn't lie beside them.
 * @param packages a node_modules
 */
export function fromPackages(packages: string): void {
  if (packages === '') return;
  const beside = pathToFileURL(join(packages, '..', 'package.json')).href;
  registerHooks({
    resolve: (specifier, context, next) =>
      isOfAPeer(context.parentURL) && /^[@a-z]/.test(specifier) && !specifier.includes(':')
        ? next(specifier, { ...context, parentURL: beside })
        : next(specifier, context),
  });
}

function isOfAPeer(url: string | undefined): boolean {
  return url !== undefined && /\/bench\/peers\/[\w-]+\/[\w-]+\.mjs$/.test(url);
}
