/**
 * The span of OpenTelemetry that is active, in a worker and in the Workflows' sandbox alike.
 *
 * It is found as `@opentelemetry/api` itself finds it: in the registry that all copies of that package's major version
 * share. So nothing depends on the package, and where nobody traces there is no span and nothing is done.
 * `test/unit/tracing.test.ts` compares with the package.
 */

/** As much of a span as is told here. */
export interface ActiveSpan {
  updateName(name: string): unknown;
  setAttributes(attributes: Readonly<Record<string, string | number>>): unknown;
}

interface Registry {
  readonly context?: { active(): { getValue(key: symbol): unknown } };
}

const REGISTRY = Symbol.for('opentelemetry.js.api.1');
const SPAN = Symbol.for('OpenTelemetry Context Key SPAN');

/** Undefined: nobody traces here. */
export function activeSpan(): ActiveSpan | undefined {
  const registry = (globalThis as { readonly [REGISTRY]?: Registry })[REGISTRY];
  return registry?.context?.active().getValue(SPAN) as ActiveSpan | undefined;
}
