/** Holdfast's Workflows with shorter limits: nobody waits for minutes in a test. */
import assert from 'node:assert/strict';
import type { WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { testBundle } from './bundle.ts';

/** The first two limits, in place of 2 and 10 minutes. */
const LIMITS = /\[\s*2 \* MINUTE_MS,\s*10 \* MINUTE_MS/g;

/** @param limitMs how long a worker may take to take something, until the job says so */
export async function impatientBundle(limitMs: number, isEncrypted = false): Promise<WorkflowBundleWithSourceMap> {
  const bundle = await testBundle(undefined, { isEncrypted });
  return { ...bundle, code: withShortLimits(bundle.code, limitMs) };
}

/** The code of a bundle, changed. */
export function withShortLimits(code: string, limitMs: number): string {
  return altered(code, LIMITS, `[${limitMs}, ${2 * limitMs}`);
}

/** @throws where there is nothing to change */
export function altered(code: string, what: RegExp, into: string): string {
  const changed = code.replace(what, into);
  assert.ok(changed !== code, `${what} is not where the test looks for it`);
  return changed;
}
