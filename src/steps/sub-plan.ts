/** What the record has of a sub-plan: that its job is started, and what it has come to. The Workflow runs it. */
import { HoldfastError } from '../model/failure.ts';
import { beginPlanStep, endPlanStep } from '../model/step/built-in/plan-run.ts';
import { implementStep } from '../model/step/step.ts';

export const beginPlan = implementStep(beginPlanStep, () => ({}));

export const endPlan = implementStep(endPlanStep, (_ctx, { output }) => output, {
  compensate: (_ctx, { input }) => {
    throw new HoldfastError(
      'sub-plan-failed',
      `Job ${input.job} of the plan ${input.plan} has ended, so that what it did in ${input.workspace} can't be ` +
        `undone with this one. See what that is (holdfast log ${input.workspace} --job ${input.job}), take it back ` +
        'by hand where it is not wanted, then decide `skip`.',
    );
  },
});
