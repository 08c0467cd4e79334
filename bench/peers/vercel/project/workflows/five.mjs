/**
 * The five steps, as Vercel's workflow compiles them. `globalThis.holdfastPeerWork` is what a step does: it can't come
 * by an import, for all that is imported is compiled in.
 */
import { getStepMetadata } from 'workflow';

const STEPS = 5;

export async function five(job) {
  'use workflow';
  for (let index = 1; index <= STEPS; index++) await act(job, index);
}

async function act(job, index) {
  'use step';
  return await globalThis.holdfastPeerWork.act(job, index, getStepMetadata().stepId);
}
