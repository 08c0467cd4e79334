/** The code of a plan's `forEach` within an Activity. */
import * as z from 'zod';
import type { Json } from '../model/canonical-json.ts';
import { defined } from '../model/defined.ts';
import { forEachStep } from '../model/step/built-in/for-each.ts';
import { ListOutput } from '../model/step/list-output.ts';
import { isApprovalAsked, MAX_SUB_STEPS_AT_ONCE, type ItemOptions } from '../model/step/sub-step.ts';
import { implementStep } from '../model/step/step.ts';

export const forEach = implementStep(forEachStep, async (ctx, { use, inputs, atOnce, approval, outputs: wanted }) => {
  // The worker's code has the contract; what goes in and out is checked by that.
  const contract = { name: use, input: z.unknown(), output: z.unknown() };
  const outputs: Json[] = [];
  const list = new ListOutput();
  let next = 0;
  let hasFailed = false;
  const asked: unknown[] = [];
  const mayGoOn = (): boolean => !hasFailed && asked.length < MAX_SUB_STEPS_AT_ONCE;
  const inTurn = async (): Promise<void> => {
    for (let index = next++; index < inputs.length && mayGoOn(); index = next++) {
      try {
        const name = String(index);
        const options: ItemOptions = { name, besideApprovals: true, ...defined({ approval }) };
        const output = ((await ctx.step(contract, inputs[index], options)) ?? null) as Json;
        if (wanted === 'none') continue;
        outputs[index] = output;
        list.add(output);
      } catch (error) {
        // What waits for a person holds no item back: several are shown at once.
        if (isApprovalAsked(error)) asked.push(error);
        else {
          hasFailed = true;
          throw error;
        }
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, inputs.length) }, inTurn));
  if (asked.length > 0) throw asked[0];
  return wanted === 'none' ? null : outputs;
});
