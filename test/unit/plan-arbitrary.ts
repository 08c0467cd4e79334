/**
 * Random plans for property tests: any order of steps, needs, references, state that is read and written.
 */
import fc from 'fast-check';
import type { Json } from '../../src/model/canonical-json.ts';
import { PlanSchema, type Plan, type PlanSource } from '../../src/model/plan/plan.ts';

interface Draft {
  readonly needs: readonly number[];
  readonly references: readonly number[];
  readonly reads: readonly string[];
  readonly writes: readonly string[];
}

const STATE_KEYS = ['last', 'all'] as const;

/** Plans without cycles. Steps stand in any order: `needs` may name steps further down. */
export function anyPlanSource(maxSteps = 9): fc.Arbitrary<PlanSource> {
  return fc.integer({ min: 1, max: maxSteps }).chain((count) => {
    const earlier = (index: number): fc.Arbitrary<number[]> =>
      index === 0 ? fc.constant([]) : fc.uniqueArray(fc.nat(index - 1), { maxLength: 2 });
    const keys = fc.subarray([...STATE_KEYS]);
    const drafts = fc.tuple(
      ...Array.from({ length: count }, (_, index) =>
        fc.record({ needs: earlier(index), references: earlier(index), reads: keys, writes: keys }),
      ),
    );
    const order = fc.shuffledSubarray(
      Array.from({ length: count }, (_, index) => index),
      { minLength: count },
    );
    return fc.tuple(drafts, order).map(([made, places]) => planSource(made, places));
  });
}

export function anyPlan(maxSteps = 9): fc.Arbitrary<Plan> {
  return anyPlanSource(maxSteps).map((source) => PlanSchema.parse(source));
}

/** Plans with at least one cycle, through `needs` or through a reference. */
export function anyCyclicPlanSource(): fc.Arbitrary<PlanSource> {
  return fc.tuple(anyPlanSource(), fc.nat(), fc.boolean()).map(([source, choose, byReference]) => {
    const steps = source.steps.map((step) => ({ ...step }));
    const index = choose % steps.length;
    const step = steps[index]!;
    // A step that the chosen one waits for, through any number of others, or the step itself, now waits for it.
    const upstream = [step.id];
    for (let at = 0; at < upstream.length; at++)
      upstream.push(...neededBy(steps.find(({ id }) => id === upstream[at])!).filter((id) => !upstream.includes(id)));
    const target = steps.find(({ id }) => id === upstream[choose % upstream.length])!;
    if (byReference)
      target.with = { ...(target.with as { [key: string]: Json }), back: `\${{ steps.${step.id}.output }}` };
    else target.needs = [...(target.needs ?? []), step.id];
    return { ...source, steps };
  });
}

function neededBy(step: PlanSource['steps'][number]): readonly string[] {
  return [
    ...(step.needs ?? []),
    ...[...JSON.stringify(step.with ?? {}).matchAll(/steps\.(\w+)\.output/g)].map(([, id]) => id!),
  ];
}

/** Of the steps that run at the same time, one alone writes `last`: the others' values would be lost. */
function writesOf(drafts: readonly Draft[]): readonly (readonly string[])[] {
  const levels: number[] = [];
  for (const { needs, references } of drafts)
    levels.push(1 + Math.max(-1, ...[...needs, ...references].map((index) => levels[index]!)));
  return drafts.map(({ writes }, index) => {
    const isSecond = drafts.some(
      (one, at) => at < index && levels[at] === levels[index] && one.writes.includes('last'),
    );
    return isSecond ? writes.filter((key) => key !== 'last') : writes;
  });
}

function planSource(drafts: readonly Draft[], order: readonly number[]): PlanSource {
  const writes = writesOf(drafts);
  return {
    schemaVersion: 1,
    name: 'any',
    workspace: 'w',
    state: { last: { initial: 'none' }, all: { reducer: 'append' } },
    steps: order.map((index) => {
      const draft = drafts[index]!;
      return {
        id: `s${index}`,
        use: 'work',
        needs: draft.needs.map((need) => `s${need}`),
        with: Object.fromEntries<string>([
          ...draft.references.map((reference): [string, string] => [
            `s${reference}`,
            `\${{ steps.s${reference}.output }}`,
          ]),
          ...draft.reads.map((key): [string, string] => [key, `\${{ state.${key} }}`]),
        ]),
        state: Object.fromEntries(writes[index]!.map((key) => [key, '${{ output }}'])),
      };
    }),
  };
}
