/** One entry and many hostile inputs. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import type { Json } from '../../src/model/canonical-json.ts';
import { theSeed } from '../fault/support/seed.ts';
import { takenOrRefused } from './hostile.ts';
import type { Entry } from './hostile-entries.ts';

const FOUND = path.join(import.meta.dirname, '../fixtures/hostile.json');
/** Nobody waits longer for one input to be refused. */
const MAX_MS = 5_000;
const MAX_PRINTED = 5_000;

/** What was found broken once is taken or refused now. */
export async function tryFound({ name, take }: Entry): Promise<void> {
  const found = JSON.parse(readFileSync(FOUND, 'utf8')) as Readonly<Record<string, readonly Json[]>>;
  for (const input of found[name] ?? []) await takenOrRefused(() => take(input));
}

export async function tryHostile({ name, input, take }: Entry, t: TestContext, inputs: number): Promise<void> {
  const seed = theSeed();
  t.diagnostic(`HOLDFAST_SEED=${seed}`);
  const takesIt = async (given: Json): Promise<void> => {
    const startedMs = performance.now();
    await takenOrRefused(() => take(given));
    const tookMs = performance.now() - startedMs;
    if (tookMs > MAX_MS) throw new Error(`it took ${tookMs} ms`);
  };
  const found = await fc.check(fc.asyncProperty(input, takesIt), { numRuns: inputs, seed });
  if (!found.failed) return;
  // In one line, as the list of what was found has it: fast-check's own report can't print what is nested deep.
  const { counterexample, errorInstance } = found;
  throw new Error(`${name}: ${JSON.stringify(counterexample?.[0])?.slice(0, MAX_PRINTED)}`, { cause: errorInstance });
}
