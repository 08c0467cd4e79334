/** At which hits of which fault points a process is killed: all of a few, some of many. See kill-matrix.test.ts. */
import type { Kill } from '../../support/killing.ts';
import { seededRandom } from './seed.ts';

const HITS_A_POINT = 3;

export function listedKills(): Kill[] {
  return [...(process.env['HOLDFAST_KILLS'] ?? '').matchAll(/([a-z.-]+):(\d+)/g)].map((match) => ({
    point: match[1]!,
    hit: Number(match[2]),
  }));
}

/** By point how often it is hit in a run that nobody disturbs. */
export function chooseKills(hits: ReadonlyMap<string, number>, from: number, hitsAPoint = HITS_A_POINT): Kill[] {
  const listed = listedKills();
  if (listed.length > 0) return listed;
  const random = seededRandom(from);
  return [...hits].flatMap(([point, count]) => {
    const chosen = new Set(
      process.env['HOLDFAST_KILLS'] === 'all'
        ? Array.from({ length: count }, (_, index) => index + 1)
        : [1, count].slice(0, hitsAPoint - 1),
    );
    while (chosen.size < Math.min(count, hitsAPoint)) chosen.add(1 + Math.floor(random() * count));
    return [...chosen].map((hit) => ({ point, hit }));
  });
}
