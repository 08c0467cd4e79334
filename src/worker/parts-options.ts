/** What the makers of a worker choose, whichever way they make it, and how it is read. */
import { resolve } from 'node:path';
import { readKeys } from '../codec/keys.ts';
import { defined } from '../model/defined.ts';
import { HoldfastError } from '../model/failure.ts';
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
}

/** @throws HoldfastError `bad-input` for two steps of one name, keys that can't be used */
export function readPartsChoice(options: PartsOptions): PartsChoice {
  const { env = process.env, encryptionKeyFile, outagePatienceMs, workspaceRoot = '.' } = options;
  return {
    env,
    keys: readKeys({ env, ...defined({ encryptionKeyFile }) }),
    steps: stepsByName(options.steps ?? []),
    workspaceRoot: resolve(workspaceRoot),
    ...defined({ outagePatienceMs }),
  };
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
