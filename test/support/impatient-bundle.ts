/** Holdfast's Workflows with shorter limits: nobody waits for minutes in a test. */
import assert from 'node:assert/strict';
import type { WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { testBundle } from './bundle.ts';

/** The first two limits, in place of 2 and 10 minutes. */
const LIMITS = /\[\s*2 \* MINUTE_MS,\s*10 \* MINUTE_MS/g;
const ALL_LIMITS = /\[\s*2 \* MINUTE_MS,[^\]]*\]/g;

/** Tests of one file that run beside each other make it once. */
const bundles = new Map<boolean, Promise<WorkflowBundleWithSourceMap>>();

/** @param limitMs how long a worker may take to take something, until the job says so; several: all the limits */
export async function impatientBundle(
  limitMs: number | readonly number[],
  isEncrypted = false,
): Promise<WorkflowBundleWithSourceMap> {
  const made = bundles.get(isEncrypted) ?? testBundle(undefined, { isEncrypted });
  bundles.set(isEncrypted, made);
  const bundle = await made;
  const code =
    typeof limitMs === 'number'
      ? withShortLimits(bundle.code, limitMs)
      : altered(bundle.code, ALL_LIMITS, JSON.stringify(limitMs));
  return { ...bundle, code };
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
