/** At which hits of which fault points a process is killed: all of a few, some of many. See kill-matrix.test.ts. */
import { seededRandom } from './seed.ts';

const HITS_A_POINT = 3;

export interface Kill {
  readonly point: string;
  readonly hit: number;
}

export function listedKills(): Kill[] {
  return [...(process.env['HOLDFAST_KILLS'] ?? '').matchAll(/([a-z.-]+):(\d+)/g)].map((match) => ({
    point: match[1]!,
    hit: Number(match[2]),
  }));
}

/** By point how often it is hit in a run that nobody disturbs. */
export function chooseKills(hits: ReadonlyMap<string, number>, from: number): Kill[] {
  const listed = listedKills();
  if (listed.length > 0) return listed;
  const random = seededRandom(from);
  return [...hits].flatMap(([point, count]) => {
    const chosen = new Set(
      process.env['HOLDFAST_KILLS'] === 'all' ? Array.from({ length: count }, (_, index) => index + 1) : [1, count],
    );
    while (chosen.size < Math.min(count, HITS_A_POINT)) chosen.add(1 + Math.floor(random() * count));
    return [...chosen].map((hit) => ({ point, hit }));
  });
}
