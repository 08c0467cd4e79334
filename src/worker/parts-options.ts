/** What the makers of a worker choose, whichever way they make it, and how it is read. */
import { resolve } from 'node:path';
import { inspect } from 'node:util';
import { HEARTBEAT_EVERY_MS } from '../activities/heartbeat.ts';
import { readKeys } from '../codec/keys.ts';
import { defined } from '../model/defined.ts';
import { HoldfastError } from '../model/failure.ts';
import { isContract, isStep } from '../model/step/is-step.ts';
import type { StepImplementation } from '../model/step/step.ts';
import { BUILT_IN_IMPLEMENTATIONS } from '../steps/built-in.ts';
import type { PartsChoice } from './parts.ts';

export interface PartsOptions {
  /** Steps besides the built-in ones. */
  readonly steps?: readonly StepImplementation[];
  /** Relative workspaces start here. Default: the current folder. */
  readonly workspaceRoot?: string;
  /**
   * Keys that payloads are encrypted with. Default: HOLDFAST_ENCRYPTION_KEY_FILE, HOLDFAST_ENCRYPTION_KEYS; without
   * any, payloads are not encrypted.
   */
  readonly encryptionKeyFile?: string;
  /** Where database references are looked up. Default: process.env. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /**
   * For how long a database or endpoint that can't be reached is looked at again, in a comparison, before a person is
   * asked, in milliseconds. Default 30,000; 0: a person is asked at once.
   */
  readonly outagePatienceMs?: number;
  /**
   * How often a running step is heard of, in milliseconds: so long a cancellation takes to reach it, and each heartbeat
   * is a call of the server's. Default 1,000; between 100 and 600,000. A job's `heartbeatTimeoutMs` holds for it, too:
   * a third of that at most.
   */
  readonly heartbeatIntervalMs?: number;
}

const HEARTBEAT_INTERVAL_MS = { least: 100, most: 600_000 };

/** A program without types may give anything. */
const EXPECTED: Readonly<Record<keyof PartsOptions, readonly [isFitting: (value: unknown) => boolean, what: string]>> =
  {
    steps: [
      (value) => Array.isArray(value) && value.every(isStep),
      'a list of what implementStep(contract, code) returns',
    ],
    workspaceRoot: [isText, 'the path of a folder'],
    encryptionKeyFile: [isText, 'the path of a file'],
    env: [(value) => typeof value === 'object' && value !== null, 'an object of names and values, as process.env'],
    outagePatienceMs: [
      (value) => Number.isInteger(value) && Number(value) >= 0,
      'a whole number of milliseconds, 0 or more',
    ],
    heartbeatIntervalMs: [
      (value) =>
        Number.isInteger(value) &&
        Number(value) >= HEARTBEAT_INTERVAL_MS.least &&
        Number(value) <= HEARTBEAT_INTERVAL_MS.most,
      `a whole number of milliseconds between ${HEARTBEAT_INTERVAL_MS.least} and ${HEARTBEAT_INTERVAL_MS.most}`,
    ],
  };

/**
 * @param what was given these options, for messages
 * @throws HoldfastError `bad-input` for a value that is none for its option, two steps of one name, keys that can't be
 *   used
 */
export function readPartsChoice(what: string, options: PartsOptions): PartsChoice {
  refuseUnfitting(what, options);
  const { env = process.env, encryptionKeyFile, outagePatienceMs, workspaceRoot = '.' } = options;
  const { heartbeatIntervalMs = HEARTBEAT_EVERY_MS } = options;
  return {
    env,
    keys: readKeys({ env, ...defined({ encryptionKeyFile }) }),
    steps: stepsByName(options.steps ?? []),
    workspaceRoot: resolve(workspaceRoot),
    heartbeatIntervalMs,
    ...defined({ outagePatienceMs }),
  };
}

/** @throws HoldfastError `bad-input` for a value that is none for its option */
export function refuseUnfitting(what: string, options: PartsOptions): void {
  for (const [name, [isFitting, expected]] of Object.entries(EXPECTED)) {
    const value = options[name as keyof PartsOptions];
    if (value === undefined || isFitting(value)) continue;
    throw new HoldfastError('bad-input', `${what}: ${name} is ${shown(value)}. Expected ${expected}.`, { name });
  }
}

function stepsByName(given: readonly StepImplementation[]): ReadonlyMap<string, StepImplementation> {
  const steps = new Map<string, StepImplementation>();
  for (const step of [...BUILT_IN_IMPLEMENTATIONS, ...given]) {
    const { name } = step.contract;
    if (steps.has(name))
      throw new HoldfastError(
        'bad-input',
        `Two steps are named "${name}". Each step of a worker needs a name of its own.`,
        { name },
      );
    steps.set(name, step);
  }
  return steps;
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function shown(value: unknown): string {
  if (!Array.isArray(value)) return typeof value === 'object' && value !== null ? 'an object' : inspect(value);
  const wrong = value.findIndex((step) => !isStep(step));
  return `a list whose entry ${wrong} is ${isContract(value[wrong]) ? 'a contract without code' : 'no step'}`;
}
