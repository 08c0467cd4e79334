/** How a development server is started: ports, search attributes, and settings that make it fast. */

export interface ServerArguments {
  /** The file in which the server's state survives a restart. Default: in memory. */
  readonly dbFilename?: string;
  /** Where the UI has encrypted payloads decoded. Default: nowhere. */
  readonly codecEndpoint?: string;
  /** Besides `default`. */
  readonly namespaces?: readonly string[];
  /** Name → type, besides Holdfast's own. */
  readonly searchAttributes?: Readonly<Record<string, string>>;
  /** Settings of the server, besides those that make it fast. Values are JSON. */
  readonly dynamicConfig?: Readonly<Record<string, string | number | boolean>>;
}

/** The custom search attributes that a namespace needs for its jobs to be listed by state. */
export const HOLDFAST_SEARCH_ATTRIBUTES = { HoldfastState: 'Keyword', HoldfastDiscrepancies: 'Int' } as const;

/**
 * The default caps a shard at 20 task loads a second: 83-100 ms a step of a sequential job. With these two: 17 ms.
 */
export const DEV_DYNAMIC_CONFIG = {
  'history.transferProcessorMaxPollRPS': 2000,
  'system.enableActivityEagerExecution': true,
} as const;

/** @param uiPort undefined: no UI */
export function startDevArguments(port: number, uiPort: number | undefined, options: ServerArguments): string[] {
  const attributes = Object.entries(searchAttributesOf(options)).map(([name, type]) => `${name}=${type}`);
  const settings = Object.entries({ ...DEV_DYNAMIC_CONFIG, ...options.dynamicConfig }).map(
    ([key, value]) => `${key}=${JSON.stringify(value)}`,
  );
  const always = ['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--log-level', 'warn'];
  return [
    ...always,
    ...(uiPort === undefined ? ['--headless'] : ['--ui-port', String(uiPort)]),
    ...(uiPort === undefined ? [] : optional('--ui-codec-endpoint', options.codecEndpoint)),
    ...optional('--db-filename', options.dbFilename),
    ...repeated('--namespace', options.namespaces ?? []),
    ...repeated('--search-attribute', attributes),
    ...repeated('--dynamic-config-value', settings),
  ];
}

export function searchAttributesOf(options: ServerArguments): Readonly<Record<string, string>> {
  return { ...HOLDFAST_SEARCH_ATTRIBUTES, ...options.searchAttributes };
}

function optional(flag: string, value: string | undefined): readonly string[] {
  return value === undefined ? [] : [flag, value];
}

function repeated(flag: string, values: readonly string[]): readonly string[] {
  return values.flatMap((value) => [flag, value]);
}
