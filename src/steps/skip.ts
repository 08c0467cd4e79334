/** The code of a plan's step that is skipped: what it returns is what its record says. */
import { skipStep } from '../model/step/built-in/skip.ts';
import { implementStep } from '../model/step/step.ts';

export const skip = implementStep(skipStep, (_ctx, { why }) => ({ why }));
