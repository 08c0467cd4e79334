/** The code of the steps. */
import { implementStep, type StepImplementation } from 'holdfast';
import { analyse, gather } from './contracts.ts';
import type { Model } from './model.ts';

export function researchSteps(model: Model): readonly StepImplementation[] {
  return [
    implementStep(gather, async (ctx, { topic, sources }) => {
      const found = [];
      for (const name of sources) {
        const text = await ctx.files.readText(`sources/${name}.txt`);
        if (text.toLowerCase().includes(topic.toLowerCase())) found.push({ name, text: text.trim() });
      }
      ctx.log(`${found.length} of ${sources.length} sources are about ${topic}`);
      return { found };
    }),
    implementStep(analyse, async (_ctx, { topic, sources }) => {
      const summary = await model.summarise(topic, sources);
      return { summary, sources: sources.length };
    }),
  ];
}
