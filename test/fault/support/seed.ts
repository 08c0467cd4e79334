/** Repeatable randomness: the seed is `HOLDFAST_SEED`, or a new one that a test prints in its name. */
import { randomInt } from 'node:crypto';

export { seededRandom } from '../../../src/model/seeded-random.ts';

export function theSeed(): number {
  const given = process.env['HOLDFAST_SEED'];
  return given === undefined || given === '' ? randomInt(1, 1_000_000) : Number(given);
}
