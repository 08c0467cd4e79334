/** The one pure part of a configuration: it may be imported wherever `holdfast.config.ts` is read. */

/** Types the default export of `holdfast.config.ts`. It is checked when it is loaded. */
export function defineConfig<Config extends object>(config: Config): Config {
  return config;
}
