/** The floor: nothing but the effects. */
import type { Contender, Place, Work } from '../contender.ts';

export async function open(_place: Place, work: Work): Promise<Contender> {
  return await Promise.resolve({
    versions: {},
    variants: {
      'plain-loop': async (job: string, steps: number) => {
        for (let index = 0; index < steps; index++) await work.act(job, index);
      },
    },
    close: async () => await Promise.resolve(),
  });
}
