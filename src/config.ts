/**
 * Finds and reads `holdfast.config.ts` (or `.js`, `.mjs`) and the files given by `--steps`.
 *
 * Invariants
 * 1. What is loaded is checked: a misspelled field, something that is no step, two steps of one name are errors that
 *    name the file.
 * 2. A file that was named and is not there is an error; only the default name may be missing.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { BUILT_IN_STEPS } from './model/step/built-in/steps.ts';
import { HoldfastError } from './model/failure.ts';
import { unknownOption } from './model/options.ts';
import { isContract, isStep } from './model/step/is-step.ts';
import type { StepImplementation } from './model/step/step.ts';
import { defined } from './model/defined.ts';
import type { WorkerOptions } from './worker.ts';

export { defineConfig } from './model/job/holdfast-config.ts';

/**
 * The default export of `holdfast.config.ts`. Every field is checked when the file is loaded; an unknown one is
 * refused.
 */
export interface HoldfastConfig {
  /** The code of the user's own steps (`implementStep`). */
  readonly steps: readonly StepImplementation[];
  /**
   * Where relative workspaces start; a relative path starts at the configuration file. Default: the working
   * directory.
   */
  readonly workspaceRoot?: string;
  /** Default `holdfast`. */
  readonly taskQueue?: string;
  /**
   * A module of the user's own Workflows; a relative path starts at the configuration file. Default: `agentJob`
   * alone.
   */
  readonly workflowsPath?: string;
  /** Default: TEMPORAL_NAMESPACE, `default`. */
  readonly namespace?: string;
  /**
   * Handed to Temporal's Worker as it is: plugins, interceptors, sinks, a tuner, pollers, caches, rates, Worker
   * Versioning, grace times.
   */
  readonly temporal?: WorkerOptions['temporal'];
  /** Metrics of the SDK: a Prometheus endpoint or OpenTelemetry. Default: nothing is measured. */
  readonly telemetry?: WorkerOptions['telemetry'];
  /** How often a running step is heard of, in milliseconds. Default 1,000. */
  readonly heartbeatIntervalMs?: number;
  /** How many steps run at once. Default 100. In place of it: `temporal.tuner`. */
  readonly maxConcurrentSteps?: number;
  /** How the worker writes its lines. Default `text`. */
  readonly logFormat?: WorkerOptions['logFormat'];
}

export const CONFIG_NAMES = ['holdfast.config.ts', 'holdfast.config.js', 'holdfast.config.mjs'] as const;

export interface LoadConfigOptions {
  /** Where the default name is looked for, and where relative paths start. */
  readonly cwd: string;
  /** A configuration file. Default: the first of `CONFIG_NAMES` in `cwd`, if there is one. */
  readonly config?: string;
  /** Modules that export steps. */
  readonly steps?: readonly string[];
}

/** Paths are absolute. */
export interface LoadedConfig extends HoldfastConfig {
  /** The files read. Empty: none was there. */
  readonly files: readonly string[];
}

/**
 * The configuration. Loading runs the user's modules.
 * @throws HoldfastError `bad-input` naming the file and what to do
 */
export async function loadConfig(options: LoadConfigOptions): Promise<LoadedConfig> {
  const found = findConfig(options);
  const config = found === undefined ? { steps: [] } : await readConfig(found);
  const steps: Placed[] = config.steps.map((step) => ({ step, file: found! }));
  const files = found === undefined ? [] : [found];
  for (const given of options.steps ?? []) {
    const file = path.resolve(options.cwd, given);
    if (!existsSync(file))
      throw new HoldfastError('bad-input', `There is no file ${file}, which --steps names.`, { file });
    steps.push(...(await readSteps(file)).map((step) => ({ step, file })));
    files.push(file);
  }
  refuseSameNames(steps);
  return { ...config, steps: steps.map(({ step }) => step), files };
}

interface Placed {
  readonly step: StepImplementation;
  readonly file: string;
}

function findConfig({ cwd, config }: LoadConfigOptions): string | undefined {
  if (config === undefined) return CONFIG_NAMES.map((name) => path.join(cwd, name)).find((file) => existsSync(file));
  const file = path.resolve(cwd, config);
  if (existsSync(file)) return file;
  throw new HoldfastError('bad-input', `There is no configuration file ${file}, which --config names.`, { file });
}

const FIELDS: Readonly<Record<keyof HoldfastConfig, 'a list' | 'text' | 'an object' | 'a number'>> = {
  steps: 'a list',
  workspaceRoot: 'text',
  taskQueue: 'text',
  workflowsPath: 'text',
  namespace: 'text',
  temporal: 'an object',
  telemetry: 'an object',
  heartbeatIntervalMs: 'a number',
  maxConcurrentSteps: 'a number',
  logFormat: 'text',
};

async function readConfig(file: string): Promise<HoldfastConfig> {
  const { default: config } = await loadModule(file);
  if (typeof config !== 'object' || config === null) {
    throw new HoldfastError(
      'bad-input',
      `${file} has no configuration as its default export. Expected: export default defineConfig({ steps: [ … ] });`,
      { file },
    );
  }
  const unknown = unknownOption(config, FIELDS);
  if (unknown !== undefined) throw new HoldfastError('bad-input', `${file} sets ${unknown}`, { file });
  const { steps = [], ...rest } = config as Partial<Record<keyof HoldfastConfig, unknown>>;
  if (!Array.isArray(steps))
    throw new HoldfastError(
      'bad-input',
      `${file}: steps is not a list. Expected what implementStep(…) returns, as a list.`,
      { file },
    );
  const wrong = steps.findIndex((step) => !isStep(step));
  if (wrong >= 0)
    throw new HoldfastError(
      'bad-input',
      `${file}: steps[${wrong}] is not a step${isContract(steps[wrong]) ? ' with code, but a contract' : ''}. ` +
        'Expected what implementStep(contract, code) returns.',
      { file },
    );
  for (const [key, value] of Object.entries(rest)) {
    const kind = FIELDS[key as keyof HoldfastConfig];
    if (value !== undefined && !isA(kind, value))
      throw new HoldfastError('bad-input', `${file}: ${key} is not ${kind}.`, { file, key });
  }
  const { workspaceRoot, workflowsPath, taskQueue, namespace } = rest as Readonly<Record<string, string | undefined>>;
  const { temporal, telemetry, heartbeatIntervalMs, maxConcurrentSteps, logFormat } = config as Partial<HoldfastConfig>;
  const folder = path.dirname(file);
  const workflows = workflowsPath === undefined ? undefined : path.resolve(folder, workflowsPath);
  if (workflows !== undefined && !existsSync(workflows))
    throw new HoldfastError('bad-input', `${file}: workflowsPath names ${workflows}, which is not there.`, { file });
  return {
    steps: steps as StepImplementation[],
    ...(workspaceRoot === undefined ? {} : { workspaceRoot: path.resolve(folder, workspaceRoot) }),
    ...defined({ workflowsPath: workflows, taskQueue, namespace, temporal, telemetry, logFormat }),
    ...defined({ heartbeatIntervalMs, maxConcurrentSteps }),
  };
}

function isA(kind: (typeof FIELDS)[keyof HoldfastConfig], value: unknown): boolean {
  if (kind === 'an object') return typeof value === 'object' && value !== null;
  return kind === 'a number' ? typeof value === 'number' : typeof value === 'string' && value !== '';
}

async function readSteps(file: string): Promise<readonly StepImplementation[]> {
  const exported = await loadModule(file);
  // Lists too, under any name: `export const steps = [ … ]` is what a configuration has.
  const candidates: readonly unknown[] = Object.values(exported).flat();
  const steps = [...new Set(candidates.filter(isStep))];
  if (steps.length > 0) return steps;
  const contracts = candidates.filter(isContract).map(({ name }) => name);
  const found = contracts.length === 0 ? '' : ` It exports the contract of ${contracts.join(', ')} without its code.`;
  throw new HoldfastError(
    'bad-input',
    `${file} exports no step. Expected what implementStep(contract, code) returns, ` +
      `alone or in a list, under any name.${found}`,
    { file },
  );
}

/** A module of the user's. @throws HoldfastError `bad-input`, with what Node would need */
export async function loadModule(file: string): Promise<Record<string, unknown>> {
  if (/\.[cm]?tsx?$/.test(file) && file.split(path.sep).includes('node_modules')) {
    throw new HoldfastError(
      'bad-input',
      `${file} is TypeScript under node_modules, which Node does not run. Compile it to JavaScript and name that file.`,
      { file },
    );
  }
  try {
    // oxlint-disable-next-line layout/arrows -- the user names the file; nothing of ours is loaded by a computed name
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  } catch (cause) {
    throw new HoldfastError(
      'bad-input',
      `${file} cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}${hint(cause)}`,
      { file },
      { cause },
    );
  }
}

function hint(cause: unknown): string {
  const code = (cause as { code?: unknown } | undefined)?.code;
  if (code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX')
    return (
      ' Node runs TypeScript by leaving its types out: write no enum, namespace or parameter property, or ' +
      'name a compiled file.'
    );
  if (cause instanceof SyntaxError) return syntaxHint(cause);
  if (code === 'ERR_MODULE_NOT_FOUND')
    return ' Imports carry their ending (./steps.ts); packages must be installed beside the file.';
  return '';
}

/** Node puts the place above the stack of a syntax error, and knows a module by its folder's package.json. */
function syntaxHint({ message, stack = '' }: SyntaxError): string {
  if (/outside a module|Cannot use 'import.meta'/.test(message))
    return ' Write "type": "module" into the package.json beside it, or name the file .mts or .mjs.';
  const place = stack.slice(0, Math.max(0, stack.indexOf('SyntaxError'))).trim();
  return place === '' ? '' : `\n${place}`;
}

function refuseSameNames(steps: readonly Placed[]): void {
  const seen = new Map<string, Placed>();
  for (const placed of steps) {
    const { name } = placed.step.contract;
    const earlier = seen.get(name);
    if (BUILT_IN_STEPS.some((contract) => contract.name === name)) {
      throw new HoldfastError(
        'bad-input',
        `${placed.file} has a step "${name}", which is the name of a built-in step. Give it a name of its own.`,
        { file: placed.file, step: name },
      );
    }
    if (earlier !== undefined && earlier.step !== placed.step) {
      const where = earlier.file === placed.file ? `${placed.file}, twice` : `${earlier.file} and in ${placed.file}`;
      throw new HoldfastError(
        'bad-input',
        `Two steps are named "${name}": in ${where}. Each step needs a name of its own.`,
        { step: name },
      );
    }
    seen.set(name, placed);
  }
}

/** By form, not by class: the file may import another copy of the package. */
